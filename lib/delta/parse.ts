import { SluiceError } from '#core/errors.ts'
import {
  type Actions,
  type AddFile,
  type ChangeFile,
  type CommitInfo,
  type DeletionVector,
  type DomainMetadata,
  fileKey,
  type Metadata,
  type Protocol,
  type RemoveFile,
  type Sidecar,
  type Txn,
} from '#delta/actions.ts'

type Json = Readonly<Record<string, unknown>>

/** Where an action was read: in messages. */
export interface Place {
  readonly file: string
  /** `line 3` of a commit, `row 7` of a checkpoint. */
  readonly at: string
}

/** Collects actions one by one; unknown ones are ignored, as the protocol asks. */
export class ActionCollector {
  commitInfo: CommitInfo | null = null
  protocol: Protocol | null = null
  metadata: Metadata | null = null
  readonly txns: Txn[] = []
  readonly adds: AddFile[] = []
  readonly removes: RemoveFile[] = []
  readonly domains: DomainMetadata[] = []
  readonly changeFiles: ChangeFile[] = []
  readonly sidecars: Sidecar[] = []

  /**
   * @throws SluiceError DELTA_LOG_CORRUPT when a field that is needed is missing or of another type, and for a second protocol or
   * metaData: nobody knows which one counts
   */
  take(kind: string, value: unknown, place: Place): void {
    if (!KINDS.has(kind)) return
    const fields = new ActionFields(kind, value, place)
    if (kind === 'add') this.adds.push(readAdd(fields))
    else if (kind === 'remove') this.removes.push(readRemove(fields))
    else if (kind === 'txn') this.txns.push(readTxn(fields))
    else if (kind === 'commitInfo') this.commitInfo = fields.json as CommitInfo
    else if (kind === 'protocol') {
      if (this.protocol !== null) throw corrupt(place, 'one protocol action', 'a second one')
      this.protocol = readProtocol(fields)
    } else if (kind === 'metaData') {
      if (this.metadata !== null) throw corrupt(place, 'one metaData action', 'a second one')
      this.metadata = readMetadata(fields)
    } else if (kind === 'domainMetadata') this.domains.push(readDomain(fields))
    else if (kind === 'cdc') this.changeFiles.push(readChangeFile(fields))
    else this.sidecars.push({ path: fields.string('path'), sizeInBytes: fields.number('sizeInBytes') })
  }
}

const KINDS = new Set([
  'add',
  'remove',
  'txn',
  'commitInfo',
  'protocol',
  'metaData',
  'domainMetadata',
  'cdc',
  'sidecar',
])

/**
 * Reads one commit file. It has one action at least, and one for a file at most: in others nobody knows which was the last
 * (PROTOCOL.md, "Add File and Remove File").
 *
 * @throws SluiceError DELTA_LOG_CORRUPT, naming file and line
 */
export function parseCommit(bytes: Uint8Array, file: string): Actions {
  const actions = new ActionCollector()
  let number = 0
  let found = 0
  for (const line of decode(bytes, file).split('\n')) {
    number++
    if (line === '' || line === '\r') continue
    const place = { file, at: `line ${number}` }
    const action = parseLine(line, place)
    for (const kind in action) {
      if (action[kind] === null) continue
      found++
      actions.take(kind, action[kind], place)
    }
  }
  if (found === 0) throw corrupt({ file, at: 'line 1' }, 'an action', 'a file without any')
  checkOnce(actions, file)
  return actions
}

function checkOnce({ adds, removes }: Actions, file: string): void {
  if (adds.length + removes.length < 2) return
  const keys = new Set<string>()
  for (const action of [...removes, ...adds]) {
    if (keys.has(fileKey(action))) {
      throw corrupt({ file, at: 'all lines' }, 'one action for each data file', `several for ${action.path}`)
    }
    keys.add(fileKey(action))
  }
}

/** Undefined when the bytes are not a JSON object: for files that a reader can do without. */
export function parseObject(bytes: Uint8Array): Json | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

export function readMetadataOf(value: unknown, place: Place): Metadata {
  return readMetadata(new ActionFields('metadata', value, place))
}

export function readProtocolOf(value: unknown, place: Place): Protocol {
  return readProtocol(new ActionFields('protocol', value, place))
}

export function readTxnOf(value: unknown, place: Place): Txn {
  return readTxn(new ActionFields('txn', value, place))
}

function decode(bytes: Uint8Array, file: string): string {
  if (bytes.length === 0) throw corrupt({ file, at: 'line 1' }, 'an action', 'an empty file')
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw corrupt({ file, at: `line ${firstBadLine(bytes)}` }, 'UTF-8 text', 'other bytes')
  }
}

function firstBadLine(bytes: Uint8Array): number {
  let start = 0
  for (let line = 1; ; line++) {
    const newline = bytes.indexOf(10, start)
    try {
      new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(start, newline < 0 ? bytes.length : newline))
    } catch {
      return line
    }
    if (newline < 0) return line
    start = newline + 1
  }
}

function parseLine(line: string, place: Place): Json {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    const end = line.length > 40 ? `…${line.slice(-40)}` : line
    throw corrupt(place, 'a JSON object', `text that is none (ends with ${JSON.stringify(end)})`)
  }
  if (!isObject(value)) throw corrupt(place, 'a JSON object', describe(value))
  return value
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/** Of all actions there may be a million of these: field by field, all of one shape. */
function readAdd(fields: ActionFields): AddFile {
  const add: Mutable<AddFile> = {
    path: fields.string('path'),
    size: fields.size('size'),
    modificationTime: fields.numberOr('modificationTime', 0),
    dataChange: fields.booleanOr('dataChange', true),
    partitionValues: fields.map('partitionValues') ?? {},
  }
  const stats = fields.optional('stats', 'string').stats
  if (stats !== undefined) add.stats = stats
  const tags = fields.map('tags')
  if (tags !== undefined) add.tags = tags
  const vector = fields.vector()
  if (vector !== undefined) add.deletionVector = vector
  return add
}

function readRemove(fields: ActionFields): RemoveFile {
  const vector = fields.vector()
  const partitionValues = fields.map('partitionValues')
  return {
    path: fields.string('path'),
    dataChange: fields.booleanOr('dataChange', true),
    ...fields.optional('deletionTimestamp', 'number'),
    ...fields.optional('extendedFileMetadata', 'boolean'),
    ...fields.optional('size', 'number'),
    ...(partitionValues === undefined ? {} : { partitionValues }),
    ...(vector === undefined ? {} : { deletionVector: vector }),
  }
}

function readDomain(fields: ActionFields): DomainMetadata {
  return {
    domain: fields.string('domain'),
    configuration: fields.string('configuration'),
    removed: fields.booleanOr('removed', false),
  }
}

function readChangeFile(fields: ActionFields): ChangeFile {
  return {
    path: fields.string('path'),
    partitionValues: fields.map('partitionValues') ?? {},
    size: fields.number('size'),
  }
}

function readTxn(fields: ActionFields): Txn {
  const version = fields.number('version')
  if (!Number.isSafeInteger(version)) throw fields.corrupt('version', 'a whole number below 2^53', String(version))
  return { appId: fields.string('appId'), version, ...fields.optional('lastUpdated', 'number') }
}

function readProtocol(fields: ActionFields): Protocol {
  const readerFeatures = fields.strings('readerFeatures')
  const writerFeatures = fields.strings('writerFeatures')
  const minReaderVersion = fields.number('minReaderVersion')
  if (minReaderVersion === 3 && readerFeatures === undefined) {
    throw fields.corrupt('readerFeatures', 'a list of text, as of reader version 3', 'nothing')
  }
  return {
    minReaderVersion,
    minWriterVersion: fields.number('minWriterVersion'),
    ...(readerFeatures === undefined ? {} : { readerFeatures }),
    ...(writerFeatures === undefined ? {} : { writerFeatures }),
  }
}

function readMetadata(fields: ActionFields): Metadata {
  const format = isObject(fields.json.format) ? fields.json.format : {}
  return {
    id: fields.string('id'),
    ...fields.optional('name', 'string'),
    ...fields.optional('description', 'string'),
    format: {
      provider: typeof format.provider === 'string' ? format.provider : 'parquet',
      options: isObject(format.options) ? (format.options as Record<string, string>) : {},
    },
    schemaString: fields.string('schemaString'),
    partitionColumns: fields.strings('partitionColumns') ?? [],
    configuration: (fields.map('configuration') ?? {}) as Readonly<Record<string, string>>,
    ...fields.optional('createdTime', 'number'),
  }
}

interface Primitives {
  readonly string: string
  readonly number: number
  readonly boolean: boolean
}

/** The fields of one action, each checked for its type; null counts as absent. */
class ActionFields {
  readonly json: Json
  private readonly kind: string
  private readonly place: Place

  constructor(kind: string, value: unknown, place: Place) {
    this.kind = kind
    this.place = place
    if (!isObject(value)) throw corrupt(place, `"${kind}" to be an object`, describe(value))
    this.json = value
  }

  string(name: string): string {
    const value = this.json[name]
    if (typeof value !== 'string') throw this.corrupt(name, 'text', describe(value))
    return value
  }

  number(name: string): number {
    const value = this.json[name]
    if (typeof value !== 'number') throw this.corrupt(name, 'a number', describe(value))
    return value
  }

  /** Of bytes. */
  size(name: string): number {
    const value = this.number(name)
    if (!Number.isSafeInteger(value) || value < 0) throw this.corrupt(name, 'a whole number of bytes', String(value))
    return value
  }

  numberOr(name: string, absent: number): number {
    return this.json[name] == null ? absent : this.number(name)
  }

  booleanOr(name: string, absent: boolean): boolean {
    const value = this.json[name] ?? absent
    if (typeof value !== 'boolean') throw this.corrupt(name, 'true or false', describe(value))
    return value
  }

  /** `{ [name]: value }`, or `{}` when it is absent: to be spread. */
  optional<Name extends string, Type extends keyof Primitives>(
    name: Name,
    type: Type,
  ): { readonly [N in Name]?: Primitives[Type] } {
    const value = this.json[name]
    if (value == null) return {}
    if (typeof value !== type) throw this.corrupt(name, `a ${type}`, describe(value))
    return { [name]: value } as { readonly [N in Name]: Primitives[Type] }
  }

  strings(name: string): readonly string[] | undefined {
    const value = this.json[name]
    if (value == null) return undefined
    if (!Array.isArray(value) || !value.every((item) => typeof item === 'string')) {
      throw this.corrupt(name, 'a list of text', describe(value))
    }
    return value
  }

  map(name: string): Readonly<Record<string, string | null>> | undefined {
    const value = this.json[name]
    if (value == null) return undefined
    if (!isObject(value)) throw this.corrupt(name, 'an object', describe(value))
    for (const key in value) {
      const text = value[key]
      if (typeof text !== 'string' && text !== null) throw this.corrupt(`${name}.${key}`, 'text', describe(text))
    }
    return value as Readonly<Record<string, string | null>>
  }

  vector(): DeletionVector | undefined {
    const value = this.json.deletionVector
    if (value == null) return undefined
    const fields = new ActionFields('deletionVector', value, this.place)
    return {
      storageType: fields.string('storageType'),
      pathOrInlineDv: fields.string('pathOrInlineDv'),
      ...fields.optional('offset', 'number'),
      sizeInBytes: fields.number('sizeInBytes'),
      cardinality: fields.number('cardinality'),
    }
  }

  corrupt(name: string, expected: string, found: string): SluiceError {
    return corrupt(this.place, `${this.kind}.${name} to be ${expected}`, found)
  }
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function describe(value: unknown): string {
  if (value == null) return 'nothing'
  return Array.isArray(value) ? 'a list' : `a ${typeof value}`
}

function corrupt(place: Place, expected: string, found: string): SluiceError {
  return new SluiceError(
    'DELTA_LOG_CORRUPT',
    `Delta log ${place.file}, ${place.at}: expected ${expected}, found ${found}. Restore that file from a copy; without it the table can only be read as of an older version.`,
    { details: { file: place.file, at: place.at } },
  )
}
