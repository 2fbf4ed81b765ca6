import { closeSync } from 'node:fs'
import { type FeedOptions, type FeedProgress, feedFile } from '#local/feed.ts'
import type { FeedGate } from '#local/feed-gate.ts'
import { type InputIdentity, identifyInput } from '#local/input-identity.ts'
import { openInput } from '#local/inputs.ts'

export interface FeedInputsOptions extends Omit<FeedOptions, 'path' | 'identity' | 'gate' | 'onOpened' | 'onProgress'> {
  /** Read one after the other. */
  readonly paths: readonly string[]
  readonly gate: FeedGate
  /** Called when it is known which inputs these are: from now on records flow. */
  readonly onIdentified?: () => void
  readonly onProgress?: (path: string, progress: FeedProgress) => void
}

/** An input that was read to its end. */
export interface FedInput extends FeedProgress {
  readonly path: string
}

/**
 * Feeds several files in order. A run that was killed may have left any of them half fed, so the gate stays closed until the
 * last one that the topic knows is under way again. Resolves with those that were read to their ends before the signal aborted.
 *
 * @throws SluiceError those of `feedFile`
 */
export async function feedInputs(options: FeedInputsOptions): Promise<readonly FedInput[]> {
  const { paths, gate, writer, signal, onProgress, onIdentified } = options
  const release = gate.hold()
  const inputs: { readonly path: string; readonly identity: InputIdentity }[] = []
  let lastKnown = -1
  for (const [i, path] of paths.entries()) {
    const identity = await identify(path, options)
    if (identity === null) return []
    inputs.push({ path, identity })
    const positions = await writer.positions(identity.source)
    if (positions.some((position) => position !== undefined)) lastKnown = i
  }
  onIdentified?.()
  const stopped = (): boolean => signal?.aborted === true
  const fed: FedInput[] = []
  for (const [i, { path, identity }] of inputs.entries()) {
    if (stopped()) return fed
    const progress = await feedFile({
      ...options,
      path,
      identity,
      onOpened: () => i >= lastKnown && release(),
      onProgress: (now) => onProgress?.(path, now),
    })
    onProgress?.(path, progress)
    if (!stopped()) fed.push({ path, ...progress })
  }
  release()
  return fed
}

async function identify(path: string, { fields, signal }: FeedInputsOptions): Promise<InputIdentity | null> {
  const input = openInput(path, fields)
  try {
    return await identifyInput(input, signal)
  } finally {
    closeSync(input.file)
  }
}
