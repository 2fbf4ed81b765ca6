import type { EpochMillis } from '#core/time.ts'

/** The actions of the Delta protocol that a log holds, named and shaped as in its JSON (PROTOCOL.md, "Actions"). */

export interface Protocol {
  readonly minReaderVersion: number
  readonly minWriterVersion: number
  /** Only with reader version 3. */
  readonly readerFeatures?: readonly string[]
  /** Only with writer version 7. */
  readonly writerFeatures?: readonly string[]
}

export interface Metadata {
  readonly id: string
  readonly name?: string
  readonly description?: string
  readonly format: { readonly provider: string; readonly options: Readonly<Record<string, string>> }
  readonly schemaString: string
  readonly partitionColumns: readonly string[]
  readonly configuration: Readonly<Record<string, string>>
  readonly createdTime?: EpochMillis
}

/** A data file that is part of the table from this version on. */
export interface AddFile {
  /** Relative to the table and URI-encoded; absolute in tables that were cloned without copying. */
  readonly path: string
  readonly size: number
  readonly modificationTime: EpochMillis
  /** False when the commit only rearranges rows that were there. */
  readonly dataChange: boolean
  readonly partitionValues: Readonly<Record<string, string | null>>
  /** JSON: numRecords, minValues, maxValues, nullCount. */
  readonly stats?: string
  readonly tags?: Readonly<Record<string, string | null>>
  readonly deletionVector?: DeletionVector
}

/** A data file that is no longer part of the table: a tombstone. */
export interface RemoveFile {
  readonly path: string
  readonly deletionTimestamp?: EpochMillis
  readonly dataChange: boolean
  readonly extendedFileMetadata?: boolean
  readonly partitionValues?: Readonly<Record<string, string | null>>
  readonly size?: number
  readonly deletionVector?: DeletionVector
}

export interface DeletionVector {
  readonly storageType: string
  readonly pathOrInlineDv: string
  readonly offset?: number
  readonly sizeInBytes: number
  readonly cardinality: number
}

/** How far an application has got: with the commit that holds it, everything up to `version` is in the table. */
export interface Txn {
  readonly appId: string
  readonly version: number
  readonly lastUpdated?: EpochMillis
}

/** Who committed what, for people; `txnId` tells one attempt from another. */
export interface CommitInfo {
  readonly timestamp?: EpochMillis
  readonly inCommitTimestamp?: EpochMillis
  readonly operation?: string
  readonly operationParameters?: Readonly<Record<string, unknown>>
  readonly readVersion?: number
  readonly isolationLevel?: string
  readonly isBlindAppend?: boolean
  readonly operationMetrics?: Readonly<Record<string, string>>
  readonly engineInfo?: string
  readonly txnId?: string
}

/** What a feature or an application keeps with the table (PROTOCOL.md, "Domain Metadata"). */
export interface DomainMetadata {
  readonly domain: string
  readonly configuration: string
  /** True when it is there no more. */
  readonly removed: boolean
}

/** A file of a V2 checkpoint that holds some of its adds and removes (PROTOCOL.md, "Sidecar File Information"). */
export interface Sidecar {
  readonly path: string
  readonly sizeInBytes: number
}

/** The actions of one commit or checkpoint, by kind. Actions that a reader of rows does not need are left out. */
export interface Actions {
  readonly commitInfo: CommitInfo | null
  readonly protocol: Protocol | null
  readonly metadata: Metadata | null
  readonly txns: readonly Txn[]
  readonly adds: readonly AddFile[]
  readonly removes: readonly RemoveFile[]
  readonly domains?: readonly DomainMetadata[]
  readonly changeFiles?: readonly ChangeFile[]
  readonly sidecars?: readonly Sidecar[]
}

/** A file that says which rows a commit changed, and how (PROTOCOL.md, "Add CDC File"): no data file of the table. */
export interface ChangeFile {
  readonly path: string
  readonly partitionValues: Readonly<Record<string, string | null>>
  readonly size: number
}

/** The action that takes a file out of the table; with all that others need to know of it without having seen its add. */
export function removeOf(add: AddFile, now: EpochMillis, dataChange: boolean): RemoveFile {
  return {
    path: add.path,
    deletionTimestamp: now,
    dataChange,
    extendedFileMetadata: true,
    partitionValues: add.partitionValues,
    size: add.size,
    ...(add.deletionVector === undefined ? {} : { deletionVector: add.deletionVector }),
  }
}

/** One commit file: an action a line, commitInfo first. */
export function encodeCommit(actions: Partial<Actions>): Uint8Array {
  const lines: string[] = []
  const write = (action: object): void => {
    lines.push(JSON.stringify(action))
  }
  if (actions.commitInfo) write({ commitInfo: actions.commitInfo })
  if (actions.protocol) write({ protocol: actions.protocol })
  if (actions.metadata) write({ metaData: actions.metadata })
  for (const txn of actions.txns ?? []) write({ txn })
  for (const remove of actions.removes ?? []) write({ remove })
  for (const add of actions.adds ?? []) write({ add: addJson(add) })
  for (const file of actions.changeFiles ?? []) write({ cdc: { ...file, dataChange: false } })
  return new TextEncoder().encode(`${lines.join('\n')}\n`)
}

/** Field by field, so that whatever else a caller's object carries stays out of the log. */
function addJson(add: AddFile): AddFile {
  return {
    path: add.path,
    partitionValues: add.partitionValues,
    size: add.size,
    modificationTime: add.modificationTime,
    dataChange: add.dataChange,
    ...(add.stats === undefined ? {} : { stats: add.stats }),
    ...(add.tags === undefined ? {} : { tags: add.tags }),
    ...(add.deletionVector === undefined ? {} : { deletionVector: add.deletionVector }),
  }
}

/** What identifies a file in the log: its path, and the deletion vector that hides some of its rows. */
export function fileKey(file: { readonly path: string; readonly deletionVector?: DeletionVector }): string {
  const vector = file.deletionVector
  if (vector === undefined) return file.path
  return `${file.path}\n${vector.storageType}${vector.pathOrInlineDv}@${vector.offset ?? ''}`
}
