import { isSluiceError } from '#core/errors.ts'
import type { Actions, Metadata, Protocol, Txn } from '#delta/actions.ts'
import { type CheckpointRows, readCheckpointState } from '#delta/checkpoint-read.ts'
import { type Counts, foldCounts, type TableState } from '#delta/checksum.ts'
import type { CheckpointFiles, LogListing } from '#delta/log.ts'
import { forEachCommit } from '#delta/replay.ts'
import type { ObjectStore } from '#ports/object-store.ts'

/**
 * The latest state of a table whose checksums say nothing: from the newest checkpoint without its files, and the commits that follow.
 * Holds no list of files, so that the counts are known only if all commits from version 0 on are there.
 *
 * @returns undefined when the listing does not hold all that is needed
 */
export async function replayState(store: ObjectStore, listing: LogListing): Promise<ReplayedState | undefined> {
  const { latest } = listing
  const read: CheckpointRows = { rows: 0, sidecars: false }
  let changes = 0
  const [checkpoint = null] = listing.checkpoints
  const commits = commitsAfter(listing, checkpoint)
  if (commits === undefined) return undefined
  const fold = new StateFold(checkpoint === null ? { numFiles: 0, tableSizeBytes: 0 } : UNCOUNTED)
  try {
    if (checkpoint !== null) {
      for await (const actions of readCheckpointState(store, checkpoint, read)) fold.apply(actions)
    }
  } catch (error) {
    if (isSluiceError(error, 'DELTA_CHECKPOINT_CORRUPT')) return undefined
    throw error
  }
  await forEachCommit(store, commits, (actions) => {
    changes += actions.adds.length + actions.removes.length
    fold.apply(actions)
  })
  const state = fold.state(latest)
  return state === undefined
    ? undefined
    : { state, actions: read.sidecars ? Number.POSITIVE_INFINITY : read.rows + changes }
}

export interface ReplayedState {
  readonly state: TableState
  /** How many actions a whole replay would read, at most: infinite where nobody has counted them. */
  readonly actions: number
}

const UNCOUNTED: Counts = { numFiles: null, tableSizeBytes: null }

/** All commits from the checkpoint to the latest version; undefined when one is not listed. */
function commitsAfter(
  listing: LogListing,
  checkpoint: CheckpointFiles | null,
): readonly { readonly path: string }[] | undefined {
  const commits: { readonly path: string }[] = []
  for (let version = (checkpoint?.version ?? -1) + 1; version <= listing.latest; version++) {
    const commit = listing.commits.get(version)
    if (commit === undefined) return undefined
    commits.push(commit)
  }
  return commits
}

/** The newest action of each kind wins. */
class StateFold {
  private protocol: Protocol | null = null
  private metadata: Metadata | null = null
  private readonly txns = new Map<string, Txn>()
  private counts: Counts

  constructor(counts: Counts) {
    this.counts = counts
  }

  apply(actions: Actions): void {
    this.protocol = actions.protocol ?? this.protocol
    this.metadata = actions.metadata ?? this.metadata
    for (const txn of actions.txns) this.txns.set(txn.appId, txn)
    this.counts = foldCounts(this.counts, actions)
  }

  state(version: number): TableState | undefined {
    const { protocol, metadata, txns, counts } = this
    return protocol === null || metadata === null ? undefined : { version, protocol, metadata, txns, ...counts }
  }
}
