import { type FeedOptions, type FeedProgress, feedFile, isKnownInput } from '#local/feed.ts'
import type { FeedGate } from '#local/feed-gate.ts'

export interface FeedInputsOptions extends Omit<FeedOptions, 'path' | 'gate' | 'onOpened' | 'onProgress'> {
  /** Read one after the other. */
  readonly paths: readonly string[]
  readonly gate: FeedGate
  readonly onProgress?: (path: string, progress: FeedProgress) => void
}

/**
 * Feeds several files in order. A run that was killed may have left any of them half fed, so the gate stays closed until the
 * last one that the topic knows is under way again.
 *
 * @throws SluiceError those of `feedFile`
 */
export async function feedInputs(options: FeedInputsOptions): Promise<void> {
  const { paths, gate, writer, fields, signal, onProgress } = options
  const release = gate.hold()
  let lastKnown = -1
  for (const [i, path] of paths.entries()) if (await isKnownInput(writer, path, fields)) lastKnown = i
  for (const [i, path] of paths.entries()) {
    if (signal?.aborted === true) return
    const fed = await feedFile({
      ...options,
      path,
      onOpened: () => i >= lastKnown && release(),
      onProgress: (progress) => onProgress?.(path, progress),
    })
    onProgress?.(path, fed)
  }
  release()
}
