import { existsSync, readFileSync } from 'node:fs'
import { cp, mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'

/** PGlite exports no manifest, so it is read where its code lies: dist/ beside package.json. */
function pgliteVersion(): string {
  const code = createRequire(import.meta.url).resolve('@electric-sql/pglite')
  const manifest = readFileSync(join(dirname(code), '..', 'package.json'), 'utf8')
  return (JSON.parse(manifest) as { readonly version: string }).version
}

/** An empty database as the creator of this version makes it, kept for this user: a new data folder copies 30 MB instead of 3 s. */
export function templateFolder(env: Readonly<Record<string, string | undefined>> = process.env): string {
  const cache = env['XDG_CACHE_HOME'] || join(homedir(), '.cache')
  return join(cache, 'sluice', `pglite-${pgliteVersion()}`)
}

/** Copies the template into an empty folder; false when there is none. */
export async function copyTemplate(template: string, folder: string): Promise<boolean> {
  if (!existsSync(join(template, 'PG_VERSION'))) return false
  await cp(template, folder, { recursive: true })
  return true
}

/** Keeps a copy of a database that nobody has used yet. It only saves time, so a cache that can't be written is no failure. */
export async function keepTemplate(folder: string, template: string): Promise<void> {
  try {
    await mkdir(dirname(template), { recursive: true })
    const draft = await mkdtemp(`${template}.new-`)
    try {
      await cp(folder, draft, { recursive: true })
      await rename(draft, template)
    } finally {
      await rm(draft, { recursive: true, force: true })
    }
  } catch {
    // Somebody else was faster, or there is no home folder.
  }
}
