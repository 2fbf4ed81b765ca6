import { type DetectorState, type StoredState, stateFrom, storedState } from '#detect/state.ts'
import { decodeBody, encodeBody } from '#runtime/json-body.ts'
import { controlGroup, DETECT_ID } from '#runtime/keys.ts'
import type { Runtime } from '#runtime/runtime.ts'

/** Alerts of one run that were written as one object, up to a close. */
export interface PendingAlerts {
  readonly seq: number
  readonly path: string
}

/**
 * How far the detectors have come. Its fence is the number of the last close whose results they have taken, and so the mark by which
 * results may be deleted. Moving it makes the state and the alerts count that were written before.
 */
export interface DetectBody {
  /** Object with the states of all detectors; null before the first. */
  readonly state: string | null
  /** Alerts that not every sink has confirmed, oldest first. */
  readonly pending: readonly PendingAlerts[]
  /** Names of the detectors that hold alerts back because a partition lags. */
  readonly holding: readonly string[]
}

export interface DetectItem {
  readonly fence: number | null
  readonly seq: number
  readonly body: DetectBody
}

/** One read. */
export async function loadDetectItem(runtime: Runtime): Promise<DetectItem> {
  const group = controlGroup(runtime)
  const item = await runtime.state.get(group, DETECT_ID)
  if (item === undefined) return { fence: null, seq: 0, body: { state: null, pending: [], holding: [] } }
  return { fence: item.fence, seq: item.fence, body: decodeBody<DetectBody>(item.body, `${group}/${DETECT_ID}`) }
}

/** False when somebody else was faster. One write. */
export async function storeDetectItem(
  runtime: Runtime,
  before: DetectItem,
  seq: number,
  body: DetectBody,
): Promise<boolean> {
  const item = { group: controlGroup(runtime), id: DETECT_ID, fence: seq, body: encodeBody(body) }
  return (await runtime.state.put(item, before.fence)).ok
}

/** By name of the detector. */
export type States = ReadonlyMap<string, DetectorState>

/** What a process wrote or read last: it needs no GET while nobody else goes on. */
const remembered = new WeakMap<Runtime, { readonly path: string; readonly states: States }>()

/** At most one GET. @throws SluiceError OBJECT_NOT_FOUND when somebody else has gone on meanwhile */
export async function readStates(runtime: Runtime, { body }: DetectItem): Promise<States> {
  const path = body.state
  if (path === null) return new Map()
  const known = remembered.get(runtime)
  if (known?.path === path) return known.states
  const stored = decodeBody<Readonly<Record<string, StoredState>>>(await runtime.store.get(path), path)
  const states = new Map(Object.entries(stored).map(([name, state]) => [name, stateFrom(state)]))
  remembered.set(runtime, { path, states })
  return states
}

/** One PUT. Nobody sees the object before the item names it. */
export async function writeStates(runtime: Runtime, seq: number, states: States): Promise<string> {
  const path = `${detectFolder(runtime)}${seqText(seq)}-${runtime.ids.next()}.state.json`
  const stored = Object.fromEntries([...states].map(([name, state]) => [name, storedState(state)]))
  await runtime.store.put(path, encodeBody(stored))
  remembered.set(runtime, { path, states })
  return path
}

/** An alert on its way to the sinks. */
export interface AlertEntry {
  readonly detector: string
  /** The last close whose results it stands on. */
  readonly seq: number
  readonly row: Readonly<Record<string, unknown>>
}

/** One PUT. */
export async function writeAlerts(
  runtime: Runtime,
  seq: number,
  alerts: readonly AlertEntry[],
): Promise<PendingAlerts> {
  const path = `${detectFolder(runtime)}${seqText(seq)}-${runtime.ids.next()}.alerts.json`
  await runtime.store.put(path, encodeBody(alerts))
  return { seq, path }
}

/** One GET. @throws SluiceError OBJECT_NOT_FOUND when everybody has got them, and they were deleted */
export async function readAlerts(runtime: Runtime, { path }: PendingAlerts): Promise<readonly AlertEntry[]> {
  return decodeBody<readonly AlertEntry[]>(await runtime.store.get(path), path)
}

const detectFolder = ({ plan, fingerprint }: Runtime): string => `_sluice/${plan.name}/detect/${fingerprint}/`
const seqText = (seq: number): string => String(seq).padStart(12, '0')

const swept = new WeakSet<Runtime>()

/**
 * Deletes what a process left that was stopped before it could name its objects, or after it had named others: every object of a close
 * up to this one that the item doesn't name. None of them can be named any more. One LIST, once a process.
 */
export async function sweepDetected(runtime: Runtime, { seq, body }: DetectItem): Promise<void> {
  if (swept.has(runtime)) return
  const named = new Set([body.state, ...body.pending.map(({ path }) => path)])
  const folder = detectFolder(runtime)
  const left: string[] = []
  for await (const { path } of runtime.store.list(folder)) {
    if (Number.parseInt(path.slice(folder.length), 10) <= seq && !named.has(path)) left.push(path)
  }
  for (const path of left) await runtime.store.delete(path)
  swept.add(runtime)
}
