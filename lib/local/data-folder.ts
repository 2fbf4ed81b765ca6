import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { stateCorrupt } from '#adapters/sqlite/sqlite-error.ts'
import { SluiceError } from '#core/errors.ts'
import type { EpochMillis } from '#core/time.ts'
import type { Clock } from '#ports/clock.ts'
import { diskError, systemCode } from './data-folder-error.ts'
import { lockDataFolder } from './data-folder-lock.ts'
import { checkFolderTopic, type FolderTopic, parseFolderTopic } from './data-folder-topic.ts'

/** 2: the topic is in the manifest, and a topic's positions are kept under what an input holds, whatever its name. */
const FORMAT_VERSION = 2
const MANIFEST = 'sluice.json'

/** Everything one pipeline keeps on this machine. */
export interface DataFolder {
  readonly path: string
  /** Folder of the Delta tables. */
  readonly lake: string
  /** Folder of the embedded topics. */
  readonly topics: string
  /** SQLite file of the state store; the store creates it. */
  readonly state: string
  /** Folder of the embedded Postgres, which creates it. */
  readonly postgres: string
  /**
   * Keeps the id of the Kafka cluster whose topic is about to be read, or sees that it is the one that was kept.
   * @throws SluiceError TOPIC_MISMATCH
   */
  acceptCluster(id: string): void
  /** Lets another process have it. The end of the process does so too. */
  release(): void
}

/** Which pipeline the folder belongs to. */
export interface FolderPipeline {
  readonly name: string
  /** Changes when what shapes stored state changes. */
  readonly fingerprint: string
  /** What the fingerprint is made from: JSON, kept so that a change can be named. */
  readonly shape: unknown
  readonly topic: FolderTopic
}

export interface DataFolderOptions {
  readonly clock: Clock
  /** Takes no lock and writes nothing: for looking in beside a process that runs. */
  readonly readonly?: boolean
  /** Names what differs between two shapes, a line each. */
  readonly describeChange?: (stored: unknown, now: unknown) => readonly string[]
}

interface Manifest extends FolderPipeline {
  readonly formatVersion: number
  readonly created: EpochMillis
}

/**
 * Opens a data folder for one pipeline, creating it if it isn't there, and locks it until `release` or the process's end.
 *
 * @throws SluiceError DATA_FOLDER_IN_USE, DATA_FOLDER_READ_ONLY, DATA_FOLDER_NOT_FOUND (read-only, or a file is in the way),
 * WINDOW_STATE_MISMATCH (it belongs to another pipeline or definition), TOPIC_MISMATCH, STATE_CORRUPT, DISK_FULL
 */
export function openDataFolder(path: string, pipeline: FolderPipeline, options: DataFolderOptions): DataFolder {
  const folder = resolve(path)
  if (options.readonly) {
    requireFolder(folder)
    const manifest = readManifest(folder)
    if (manifest === undefined) throw notFound(folder, `one without ${MANIFEST}`)
    checkPipeline(folder, manifest, pipeline, options)
    checkFolderTopic(folder, manifest.topic, pipeline.topic)
    return partsOf(folder, () => {})
  }
  createFolder(folder)
  const release = lockDataFolder(folder)
  try {
    const manifest = readManifest(folder)
    if (manifest !== undefined) {
      checkPipeline(folder, manifest, pipeline, options)
      requireState(partsOf(folder, () => {}))
      if (hasState(folder)) checkFolderTopic(folder, manifest.topic, pipeline.topic)
      else writeManifest(folder, { ...manifest, topic: pipeline.topic })
    } else writeManifest(folder, { ...pipeline, formatVersion: FORMAT_VERSION, created: options.clock.now() })
    const parts = partsOf(folder, release)
    mkdirSync(parts.lake, { recursive: true })
    mkdirSync(parts.topics, { recursive: true })
    return parts
  } catch (error) {
    release()
    throw diskError(error, folder)
  }
}

/**
 * Looks into a data folder, whichever pipeline it belongs to, beside a process that runs or without: no lock, nothing written.
 *
 * @throws SluiceError DATA_FOLDER_NOT_FOUND, STATE_CORRUPT, WINDOW_STATE_MISMATCH (it has another format)
 */
export function inspectDataFolder(path: string): { readonly folder: DataFolder; readonly pipeline: FolderPipeline } {
  const folder = resolve(path)
  requireFolder(folder)
  const pipeline = readManifest(folder)
  if (pipeline === undefined) throw notFound(folder, `one without ${MANIFEST}`)
  checkFormat(folder, pipeline)
  return { folder: partsOf(folder, () => {}), pipeline }
}

/** Says that the folder holds another definition of its pipeline from now on. For whoever holds its lock. */
export function acceptDefinition(path: string, definition: Pick<FolderPipeline, 'fingerprint' | 'shape'>): void {
  const folder = resolve(path)
  const { fingerprint, shape } = definition
  writeManifest(folder, { ...readManifest(folder)!, fingerprint, shape })
}

function partsOf(path: string, release: () => void): DataFolder {
  return {
    path,
    lake: join(path, 'lake'),
    topics: join(path, 'topic'),
    state: join(path, 'state.sqlite'),
    postgres: join(path, 'postgres'),
    acceptCluster: (id) => acceptCluster(path, id),
    release,
  }
}

function acceptCluster(folder: string, cluster: string): void {
  const manifest = readManifest(folder)!
  const topic = { ...manifest.topic, cluster }
  checkFolderTopic(folder, manifest.topic, topic)
  if (manifest.topic.cluster === undefined) writeManifest(folder, { ...manifest, topic })
}

function createFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true })
  } catch (error) {
    const code = systemCode(error)
    if (code === 'EEXIST' || code === 'ENOTDIR') throw notFound(path, 'a file in its place', error)
    throw diskError(code === 'ENOENT' ? reasonOf(error, path) : error, path)
  }
}

/** On a read-only disk making several folders at once fails with ENOENT; making the first of them tells why. */
function reasonOf(error: unknown, path: string): unknown {
  let first = path
  while (statSync(dirname(first), { throwIfNoEntry: false }) === undefined) first = dirname(first)
  try {
    mkdirSync(first)
    return error
  } catch (reason) {
    return reason
  }
}

function requireFolder(path: string): void {
  const found = statSync(path, { throwIfNoEntry: false })
  if (found === undefined) throw notFound(path, 'none')
  if (!found.isDirectory()) throw notFound(path, 'a file in its place')
}

function notFound(path: string, found: string, cause?: unknown): SluiceError {
  return new SluiceError(
    'DATA_FOLDER_NOT_FOUND',
    `Expected a data folder at ${path}, found ${found}. Name another one with --data, or run the pipeline first.`,
    { details: { path }, cause },
  )
}

/** Undefined for a folder without one that holds nothing of ours either. @throws SluiceError STATE_CORRUPT */
function readManifest(folder: string): Manifest | undefined {
  const file = join(folder, MANIFEST)
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw diskError(error, file)
    // The manifest is the first thing written: state without one has lost it.
    if (!hasState(folder)) return undefined
    throw damaged(file, 'none, beside stored state')
  }
  const manifest = parsed(text)
  if (manifest === undefined) throw damaged(file, 'a damaged or truncated one')
  return manifest
}

const hasState = (folder: string): boolean =>
  statSync(partsOf(folder, () => {}).state, { throwIfNoEntry: false }) !== undefined

/** The state is created before the first topic and the first table: one of those without state has lost it. */
function requireState({ state, lake, topics }: DataFolder): void {
  if (statSync(state, { throwIfNoEntry: false }) !== undefined) return
  const holds = [lake, topics].find((part) => !isEmptyFolder(part))
  if (holds !== undefined) throw stateCorrupt(state, `none, beside what is stored in ${holds}`)
}

function isEmptyFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) === undefined || readdirSync(path).length === 0
}

/** Of another format, which is refused before anybody asks. */
const NO_TOPIC: FolderTopic = { kind: 'embedded', name: '' }

function parsed(text: string): Manifest | undefined {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null) return undefined
    const { formatVersion, pipeline, fingerprint, shape, topic, created } = value as Record<string, unknown>
    if (typeof formatVersion !== 'number' || typeof pipeline !== 'string') return undefined
    if (typeof fingerprint !== 'string' || typeof created !== 'number') return undefined
    const parsedTopic = formatVersion === FORMAT_VERSION ? parseFolderTopic(topic) : NO_TOPIC
    if (parsedTopic === undefined) return undefined
    return { formatVersion, name: pipeline, fingerprint, shape, topic: parsedTopic, created }
  } catch {
    return undefined
  }
}

function damaged(file: string, found: string): SluiceError {
  return new SluiceError(
    'STATE_CORRUPT',
    `Expected the manifest of a data folder at ${file}, found ${found}. ` +
      'Restore the data folder from a copy, or delete it and rebuild it from its inputs.',
    { details: { file } },
  )
}

function writeManifest(folder: string, { formatVersion, name, fingerprint, shape, topic, created }: Manifest): void {
  const manifest = { formatVersion, pipeline: name, fingerprint, shape, topic, created }
  const draft = join(folder, `${MANIFEST}.draft`)
  writeFileSync(draft, `${JSON.stringify(manifest, null, 2)}\n`, { flush: true })
  renameSync(draft, join(folder, MANIFEST))
}

function checkPipeline(folder: string, stored: Manifest, now: FolderPipeline, options: DataFolderOptions): void {
  const mismatch = (found: string, choices: string): never => {
    throw new SluiceError('WINDOW_STATE_MISMATCH', `Expected data folder ${folder} to hold ${found} ${choices}`, {
      details: { folder, stored: stored.fingerprint, now: now.fingerprint },
    })
  }
  checkFormat(folder, stored)
  if (stored.name !== now.name) {
    mismatch(
      `pipeline "${now.name}", found pipeline "${stored.name}".`,
      `Choose another --data folder for "${now.name}".`,
    )
  }
  if (stored.fingerprint === now.fingerprint) return
  const changes = options.describeChange?.(stored.shape, now.shape) ?? []
  const what = changes.length === 0 ? '' : ` What changed:\n${changes.map((line) => `  - ${line}`).join('\n')}\n`
  mismatch(
    `the state of this definition of "${now.name}", found that of another one.${what}`,
    `Build its tables anew beside the old ones (sluice rebuild ${now.name}), choose another --data folder, or go back to the old definition.`,
  )
}

function checkFormat(folder: string, { formatVersion }: Manifest): void {
  if (formatVersion === FORMAT_VERSION) return
  throw new SluiceError(
    'WINDOW_STATE_MISMATCH',
    `Expected data folder ${folder} to hold format ${FORMAT_VERSION}, found format ${formatVersion}. ` +
      'Use the release of Sluice that wrote it, or choose another --data folder.',
    { details: { folder, stored: formatVersion, now: FORMAT_VERSION } },
  )
}
