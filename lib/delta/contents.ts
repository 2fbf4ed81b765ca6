import type { EpochMillis } from '#core/time.ts'
import {
  type Actions,
  type AddFile,
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
  readonly files = new Map<string, AddFile>()
  readonly tombstones = new Map<string, RemoveFile>()

  apply(actions: Actions): void {
    this.protocol = actions.protocol ?? this.protocol
    this.metadata = actions.metadata ?? this.metadata
    for (const txn of actions.txns) this.txns.set(txn.appId, txn)
    for (const remove of actions.removes) {
      const key = fileKey(remove)
      this.files.delete(key)
      this.tombstones.set(key, remove)
    }
    for (const add of actions.adds) {
      const key = fileKey(add)
      this.files.set(key, add)
      this.tombstones.delete(key)
    }
  }
}
