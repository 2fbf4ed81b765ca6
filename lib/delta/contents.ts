import type { EpochMillis } from '#core/time.ts'
import {
  type Actions,
  type AddFile,
  type DomainMetadata,
  fileKey,
  type Metadata,
  type Protocol,
  type RemoveFile,
  type Txn,
} from '#delta/actions.ts'

/** All that a table is at one version (PROTOCOL.md, "Action Reconciliation"). */
export interface TableContents {
  readonly version: number
  readonly timestamp: EpochMillis
  readonly protocol: Protocol
  readonly metadata: Metadata
  readonly txns: ReadonlyMap<string, Txn>
  /** By name, without those that were removed. */
  readonly domains: ReadonlyMap<string, DomainMetadata>
  /** By `fileKey`, in the order in which they came. */
  readonly files: ReadonlyMap<string, AddFile>
  readonly tombstones: ReadonlyMap<string, RemoveFile>
  /** Version of the checkpoint that it was built from; −1 for none. */
  readonly checkpointVersion: number
}

/** The newest action of each identity wins. */
export class Reconciliation {
  protocol: Protocol | null = null
  metadata: Metadata | null = null
  readonly txns = new Map<string, Txn>()
  readonly domains = new Map<string, DomainMetadata>()
  readonly files = new Map<string, AddFile>()
  readonly tombstones = new Map<string, RemoveFile>()
  private readonly partitions = new Map<string, AddFile['partitionValues']>()

  apply(actions: Actions): void {
    this.protocol = actions.protocol ?? this.protocol
    this.metadata = actions.metadata ?? this.metadata
    for (const txn of actions.txns) this.txns.set(txn.appId, txn)
    for (const domain of actions.domains ?? []) {
      if (domain.removed) this.domains.delete(domain.domain)
      else this.domains.set(domain.domain, domain)
    }
    for (const remove of actions.removes) {
      const key = fileKey(remove)
      this.files.delete(key)
      this.tombstones.set(key, remove)
    }
    for (const add of actions.adds) {
      const key = fileKey(add)
      this.files.set(key, this.withSharedValues(add))
      this.tombstones.delete(key)
    }
  }

  /** Files of one partition have one object for their partition values: with a million files that counts. */
  private withSharedValues(add: AddFile): AddFile {
    let key = ''
    for (const name in add.partitionValues) {
      const value = add.partitionValues[name]
      // With its length, as any character may be part of a value.
      key += value == null ? `${name.length} ${name}` : `${name.length} ${name}=${value.length} ${value}`
    }
    const shared = this.partitions.get(key)
    if (shared === undefined) {
      this.partitions.set(key, add.partitionValues)
      return add
    }
    ;(add as { partitionValues: AddFile['partitionValues'] }).partitionValues = shared
    return add
  }
}
