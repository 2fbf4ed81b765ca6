import { isSluiceError } from '#core/errors.ts'
import type { EpochMillis } from '#core/time.ts'
import { alertRow } from '#detect/alert-row.ts'
import { type Detector, detector } from '#detect/detector.ts'
import { judgeResults } from '#detect/judge-results.ts'
import type { AlertRevision } from '#detect/publish.ts'
import { type DetectorState, emptyState } from '#detect/state.ts'
import { type ResultValue, takeResults } from '#detect/take-results.ts'
import { isDetector, isWindowOutput, type WindowOutput } from '#plan/plan.ts'
import { highest } from '#runtime/bounds.ts'
import { type CloseBody, type CloseItem, loadCloseItem, type PendingResult } from '#runtime/close-item.ts'
import type { Committed } from '#runtime/commit.ts'
import { alertsConfirmed, deliverAlertsToTables } from '#runtime/deliver-alerts.ts'
import {
  type AlertEntry,
  type DetectItem,
  loadDetectItem,
  type PendingAlerts,
  readAlerts,
  readStates,
  type States,
  storeDetectItem,
  sweepDetected,
  writeAlerts,
  writeStates,
} from '#runtime/detect-item.ts'
import { cellsAround } from '#runtime/h3-cells.ts'
import { resultsAfter } from '#runtime/pending.ts'
import { resultRows } from '#runtime/result-object.ts'
import type { Runtime } from '#runtime/runtime.ts'
import { decodeGroupKey } from '#window/group-key.ts'
import { windowsEndingIn } from '#window/windows.ts'

/**
 * The detect stage: takes the results of closes in their order, judges them, and brings alerts into the Delta tables. May run twice at
 * once or stop anywhere: the detect item decides whose alerts count, the tables' own `txn` what is in. Results wait for it as they
 * wait for tables.
 *
 * Cost without news: two reads. With news: a GET a result, one or two PUTs, a write; for alerts one append a table.
 */
export async function detectAnomalies(runtime: Runtime): Promise<readonly Committed[]> {
  if (!runtime.plan.outputs.some(isDetector)) return []
  const item = await loadDetectItem(runtime)
  await sweepDetected(runtime, item)
  const close = await loadCloseItem(runtime)
  if (close.seq > item.seq) await takeCloses(runtime, item, close)
  return deliverAlertsToTables(runtime)
}

async function takeCloses(runtime: Runtime, item: DetectItem, close: CloseItem): Promise<void> {
  const judged = await unlessOvertaken(runtime, item, () => judgeCloses(runtime, item, close))
  if (judged === null) return
  const { states, alerts, holding } = judged
  const state = await writeStates(runtime, close.seq, states)
  const confirmed = await alertsConfirmed(runtime)
  const open = item.body.pending.filter(({ seq }) => seq > confirmed)
  const pending = await pendingWith(runtime, close.seq, open, alerts)
  if (!(await storeDetectItem(runtime, item, close.seq, { state, pending, holding }))) return
  const named = new Set(pending.map(({ path }) => path))
  if (item.body.state !== null) await runtime.store.delete(item.body.state)
  for (const { path } of item.body.pending) if (!named.has(path)) await runtime.store.delete(path)
}

/** Null when an object is gone because somebody else has gone on. */
async function unlessOvertaken<T>(runtime: Runtime, item: DetectItem, work: () => Promise<T>): Promise<T | null> {
  try {
    return await work()
  } catch (error) {
    if (!isSluiceError(error, 'OBJECT_NOT_FOUND')) throw error
    if ((await loadDetectItem(runtime)).seq <= item.seq) throw error
    return null
  }
}

/** So many objects of alerts wait by name; more of them, while a sink is down, become one. */
const PENDING_MAX = 32

async function pendingWith(
  runtime: Runtime,
  seq: number,
  open: readonly PendingAlerts[],
  alerts: readonly AlertEntry[],
): Promise<readonly PendingAlerts[]> {
  if (alerts.length === 0) return open
  if (open.length < PENDING_MAX) return [...open, await writeAlerts(runtime, seq, alerts)]
  const waiting: AlertEntry[] = []
  for (const pending of open) waiting.push(...(await readAlerts(runtime, pending)))
  return [await writeAlerts(runtime, seq, [...waiting, ...alerts])]
}

interface Judged {
  readonly states: States
  readonly alerts: readonly AlertEntry[]
  readonly holding: readonly string[]
}

async function judgeCloses(runtime: Runtime, item: DetectItem, close: CloseItem): Promise<Judged> {
  const { plan } = runtime
  const before = await readStates(runtime, item)
  const values = await resultValues(runtime, await resultsAfter(runtime, close.body, item.seq))
  const states = new Map<string, DetectorState>()
  const alerts: AlertEntry[] = []
  const holding: string[] = []
  for (const output of plan.outputs.filter(isDetector)) {
    const of = plan.outputs.filter(isWindowOutput).find(({ name }) => name === output.of)!
    const watching = detector(output, of, { windowsEndingIn, cellsAround })
    const known = before.get(output.name)
    const start = known?.shape === watching.shape ? known : emptyState(watching.shape)
    const { state, revisions } = judgeOne(watching, of, start, values.get(output.name)!, close.body)
    states.set(output.name, state)
    if (close.body.degraded === true) holding.push(output.name)
    const source = { pipeline: plan.name, detector: output.name, groupBy: of.groupBy }
    for (const revision of revisions) {
      alerts.push({ detector: output.name, seq: close.seq, row: alertRow(source, revision) })
    }
  }
  return { states, alerts, holding }
}

interface JudgedOne {
  readonly state: DetectorState
  readonly revisions: readonly AlertRevision[]
}

function judgeOne(
  watching: Detector,
  of: WindowOutput,
  before: DetectorState,
  results: readonly ResultValue[],
  body: CloseBody,
): JudgedOne {
  const closedTo = highest(body.upTo, body.ended[of.name] ?? null)
  const settledTo: EpochMillis | null = body.settled === null ? null : body.settled - of.window.grace
  const state = takeResults(watching, before, results, closedTo)
  return judgeResults(watching, state, { settledTo, degraded: body.degraded === true })
}

interface Reader {
  readonly of: string
  /** Index of its column among the aggregates. */
  readonly value: number
  readonly values: ResultValue[]
}

/** What the results say, by name of the detector, in the order of the closes. Of running results nothing is known yet. */
async function resultValues(
  runtime: Runtime,
  results: readonly PendingResult[],
): Promise<ReadonlyMap<string, readonly ResultValue[]>> {
  const { plan } = runtime
  const readers = plan.outputs.filter(isDetector).map(({ of, column }): Reader => {
    const { aggregates } = plan.outputs.filter(isWindowOutput).find(({ name }) => name === of)!
    return { of, value: aggregates.findIndex(({ name }) => name === column), values: [] }
  })
  for (const { path } of results) {
    for await (const rows of resultRows(runtime, path)) {
      for (const { output, start, end, key, state, values } of rows) {
        if (state === 'running' || state === 'remembered') continue
        for (const reader of readers) {
          if (reader.of !== output) continue
          const number = state === 'published' ? values[reader.value] : null
          const value = typeof number === 'number' ? number : null
          reader.values.push({ start, end, group: decodeGroupKey(key), value })
        }
      }
    }
  }
  return new Map(plan.outputs.filter(isDetector).map(({ name }, i) => [name, readers[i]!.values]))
}
