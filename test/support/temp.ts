import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/** A new empty folder that goes away with the test that asked for it. Call it inside a test. */
export function temporaryFolder(): string {
  const folder = createTemporaryFolder()
  onTestFinished(() => folder[Symbol.dispose]())
  return folder.path
}

/** The same for hooks and for what outlives a test: whoever creates it disposes of it. */
export function createTemporaryFolder(): { readonly path: string; [Symbol.dispose](): void } {
  const path = mkdtempSync(join(tmpdir(), 'sluice-'))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}
