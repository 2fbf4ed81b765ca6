import { SluiceError } from '#core/errors.ts'
import { isWindowOutput, type Output, type Plan } from '#plan/plan.ts'
import { acceptedItems } from '#runtime/accepted.ts'
import { type BronzeRecords, bronzeRecords } from '#runtime/bronze.ts'
import { closeStage } from '#runtime/close.ts'
import { commitAccepted } from '#runtime/commit.ts'
import { deliverToTables } from '#runtime/deliver.ts'
import { detectAnomalies } from '#runtime/detect.ts'
import {
  type Epoch,
  type EpochsItem,
  epochFingerprint,
  loadEpochs,
  storeEpochs,
  switchInterrupted,
} from '#runtime/epochs.ts'
import { lakeGroup, progressGroup, type Scope } from '#runtime/keys.ts'
import { lakeStage } from '#runtime/lake.ts'
import { openTable } from '#runtime/open-table.ts'
import { preparer } from '#runtime/prepare.ts'
import { listProgress } from '#runtime/progress.ts'
import { readBounds } from '#runtime/raise-bounds.ts'
import { rebuildFolder, rebuiltStore } from '#runtime/rebuilt-store.ts'
import type { Runtime } from '#runtime/runtime.ts'
import { windowsStage } from '#runtime/windows.ts'

/** Batches between two commits of a rebuild. */
const COMMIT_EVERY = 32

/** The plan without what it is rebuilt from. Results that go to SQL alone get a table of their own meanwhile. */
function rebuiltPlan(plan: Plan): Plan {
  const outputs = plan.outputs.flatMap((output): Output[] => {
    if (output.kind === 'raw') return []
    if (output.kind === 'rows' || output.sinks.length === 0) return [output]
    if (output.sinks.some(({ kind }) => kind === 'delta')) return [output]
    return [{ ...output, sinks: [...output.sinks, { kind: 'delta', table: `results.${output.name}`, clusterBy: [] }] }]
  })
  return { ...plan, outputs }
}

/** Name of the bronze table. @throws SluiceError REBUILD_NEEDS_BRONZE */
export function bronzeTable(plan: Plan): string {
  for (const output of plan.outputs) {
    if (output.kind !== 'raw') continue
    for (const sink of output.sinks) if (sink.kind === 'delta') return sink.table
  }
  throw new SluiceError(
    'REBUILD_NEEDS_BRONZE',
    `Expected pipeline "${plan.name}" to keep its records in a bronze table, found none: there is nothing to rebuild from. ` +
      "Add an output such as `bronze: topic.into(delta.table('bronze.name'))`, and feed the topic again.",
    { details: { pipeline: plan.name } },
  )
}

/** The runtime of a rebuild: its own window and lake state, and its own tables beside those that serve. */
export function rebuildRuntime(runtime: Runtime, fingerprint: string, epoch: number): Runtime {
  return {
    ...runtime,
    plan: rebuiltPlan(runtime.plan),
    fingerprint: epochFingerprint(fingerprint, epoch),
    rebuild: epoch,
    store: rebuiltStore(runtime.store, rebuildFolder(runtime, epoch)),
    sql: null,
  }
}

/**
 * The rebuild that is under way for this definition, else a new one. `abandoned` is one for another definition, whose place it takes.
 */
export async function beginRebuild(
  runtime: Runtime,
  fingerprint: string,
): Promise<{ readonly item: EpochsItem; readonly abandoned: Epoch | null }> {
  let before = await loadEpochs(runtime)
  for (;;) {
    const { serving, rebuild, switching } = before.epochs
    if (switching) throw switchInterrupted(runtime)
    if (rebuild?.fingerprint === fingerprint) return { item: before, abandoned: null }
    const number = Math.max(serving.number, rebuild?.number ?? 0) + 1
    const epochs = { serving, rebuild: { number, fingerprint }, switching: false }
    const item = await storeEpochs(runtime, before, epochs)
    if (item.epochs.rebuild?.number === number && item.epochs.rebuild.fingerprint === fingerprint) {
      return { item, abandoned: rebuild }
    }
    before = item
  }
}

export interface Replayed {
  /** Records that were applied now. */
  readonly records: number
  /** By partition the offset of the last record in bronze. */
  readonly last: ReadonlyMap<number, number>
}

/**
 * Applies what bronze holds above what the rebuild has applied, and commits it. May stop anywhere and be called again: the stages'
 * fences hold here as they do for a topic.
 *
 * Cost: what `BronzeRecords.read` says, and the stages'.
 */
export async function replayBronze(
  runtime: Runtime,
  rebuilt: Runtime,
  onRecords: (records: number) => void = () => {},
): Promise<Replayed> {
  const table = await openTable(runtime, bronzeTable(runtime.plan))
  const bronze = await bronzeRecords(await table.snapshot(), runtime.plan.topic.name)
  const stages = rebuildStages(rebuilt)
  let records = 0
  let batches = 0
  for (const partition of bronze.last.keys()) {
    for await (const batch of bronze.read(partition, await appliedUpTo(rebuilt, partition))) {
      for (const stage of stages) await stage.handle([batch])
      records += batch.count
      onRecords(batch.count)
      if (++batches % COMMIT_EVERY === 0) await commitAccepted(rebuilt)
    }
  }
  await commitAccepted(rebuilt)
  return { records, last: bronze.last }
}

function rebuildStages(rebuilt: Runtime) {
  const shared = preparer(rebuilt.plan)
  const relieve = async (): Promise<void> => void (await commitAccepted(rebuilt))
  const lake = lakeStage(rebuilt, shared, relieve)
  return rebuilt.plan.outputs.some(isWindowOutput) ? [lake, windowsStage(rebuilt, shared, relieve)] : [lake]
}

/** Offset up to which every stage has applied the partition; −1 for nothing. */
async function appliedUpTo(rebuilt: Runtime, partition: number): Promise<number> {
  return Math.min(...(await appliedOffsets(rebuilt)).map((applied) => applied.get(partition) ?? -1))
}

/** By stage and partition the offset of the last record applied. */
async function appliedOffsets(rebuilt: Runtime): Promise<readonly ReadonlyMap<number, number>[]> {
  const accepted = await acceptedItems(rebuilt.state, lakeGroup(rebuilt)).list()
  const lake = new Map([...accepted].map(([partition, { body }]) => [partition, body?.last.offset ?? -1]))
  if (!rebuilt.plan.outputs.some(isWindowOutput)) return [lake]
  const progress = await listProgress(rebuilt.state, progressGroup(rebuilt))
  return [lake, new Map([...progress].map(([partition, { last }]) => [partition, last.offset]))]
}

/**
 * Closes the windows of a rebuild that has applied all of bronze: those that the watermark has passed, and all that hold data where the
 * input of the state that serves had ended.
 */
export async function closeRebuild(rebuilt: Runtime, serving: Scope, last: BronzeRecords['last']): Promise<void> {
  if (!rebuilt.plan.outputs.some(isWindowOutput)) return
  const { ended } = await readBounds(rebuilt.state, serving)
  const ends = endOffsets(last)
  // The topic may hold more than bronze: that all of bronze is applied says nothing about the clock.
  const endOfInput = Object.keys(ended).length > 0
  await closeStage(rebuilt).run({ endOffsets: async () => ends, endOfInput, moreToCome: true })
  await deliverToTables(rebuilt)
  await detectAnomalies(rebuilt)
}

const endOffsets = (last: BronzeRecords['last']): readonly number[] =>
  Array.from({ length: Math.max(-1, ...last.keys()) + 1 }, (_, partition) => (last.get(partition) ?? -1) + 1)

/** @throws SluiceError REBUILD_INCOMPLETE when it lacks records that the lake of the state that serves has applied */
export async function checkCaughtUp(runtime: Runtime, rebuilt: Runtime): Promise<void> {
  const accepted = await acceptedItems(runtime.state, lakeGroup(runtime)).list()
  for (const applied of await appliedOffsets(rebuilt)) {
    for (const [partition, { body }] of accepted) {
      const expected = body?.last.offset ?? -1
      const found = applied.get(partition) ?? -1
      if (found === expected) continue
      throw new SluiceError(
        'REBUILD_INCOMPLETE',
        `Expected the rebuild of "${runtime.plan.name}" to have applied partition ${partition} up to offset ${expected}, found ${found}: ` +
          `${bronzeTable(runtime.plan)} does not have all that was accepted. See whether it was changed by hand; then rebuild anew, ` +
          'from a restored version of it.',
        { details: { pipeline: runtime.plan.name, partition, expected, found } },
      )
    }
  }
}

export function rebuildNotFound({ name }: Plan, found: Epoch | null): SluiceError {
  const what = found === null ? 'none' : `number ${found.number}, of another definition`
  return new SluiceError(
    'REBUILD_NOT_FOUND',
    `Expected a rebuild of this definition of "${name}", found ${what}. Make one first: sluice rebuild ${name}.`,
    { details: { pipeline: name, found: found?.number ?? null } },
  )
}
