import { basename } from 'node:path'
import { systemClock } from '#adapters/system/clock.ts'
import { type Args, readArgs } from '#cli/args.ts'
import { brokersOf } from '#cli/brokers.ts'
import { type DevDisplay, devDisplay, inputText } from '#cli/dev-display.ts'
import { chooseFeed, type Feed, type FeedEnd, type TopicBefore } from '#cli/dev-feed.ts'
import { DevMonitor } from '#cli/dev-monitor.ts'
import { openWindows } from '#cli/dev-results.ts'
import type { DevEvent, DevView } from '#cli/dev-view.ts'
import { elapsed, zoneOf } from '#cli/event-time.ts'
import { dataFolderOf, SESSION_OPTIONS, sessionSettings } from '#cli/session-options.ts'
import { type Command, EXIT, type Terminal } from '#cli/terminal.ts'
import { alignTable, count, shownPath } from '#cli/text.ts'
import { checkInputs } from '#local/inputs.ts'
import { findPipeline, loadPipeline } from '#local/pipeline-module.ts'
import { openSession, type Session } from '#local/session.ts'
import { isWindowOutput, type Plan } from '#plan/plan.ts'
import { plannedTables } from '#runtime/tables.ts'

const HELP = `sluice dev [PIPELINE] [options]

Runs a pipeline live and shows what happens: records, lag, watermark, tables, the last closed windows. Ctrl-C stops it; the
next start goes on where it stopped.

  PIPELINE         a module whose default export is a pipeline, or the name of one in pipelines/ (default: crimes)
  --input FILE     feed this file instead of simulated crimes; may be given several times; not with --simulate
  --speed N        seconds of event time a second (default: a simulated day takes 4 seconds; a file's first windows
                   close after about as long)
  --rate N         records a second, instead of --speed
  --data DIR       data folder (default .sluice/<pipeline>)
  --partitions N   partitions of a new topic (default: the pipeline's)
  --batch-size N   records a batch, 1 to 10,000 (default 10,000)
  --workers N      worker threads for the stages (default 0: none)
  --topic NAME     topic, where it isn't the pipeline's
  --simulate       simulate into a real Kafka topic too
  --no-sql         leave the SQL sinks out
  --json           JSON lines instead of a dashboard

KAFKA_BROKERS=host:port,…   uses that broker instead of the embedded topic; without --input it shows what others write
DATABASE_URL=postgres://…   uses that database instead of the embedded one
`

/** Live means: seen soon. Commits and closes are more frequent than where throughput counts. */
const LIVE = { commitEvery: 1_000, closeEvery: 500 }
const SAMPLE_EVERY = 500

export const devCommand: Command = {
  help: HELP,
  async run(args, terminal) {
    const options = readArgs('dev', args, DEV_OPTIONS, 1)
    const stop = terminal.interrupted
    const pipelinePath = findPipeline(options.positionals[0] ?? 'crimes', terminal.workingFolder)
    const plan = await loadPipeline(pipelinePath)
    const inputs = options.texts('input')
    checkInputs(inputs, plan.topic.fields)
    const feed = feedOf(plan, inputs, options, terminal)
    const display = devDisplay(terminal, options.flag('json'))
    const zone = zoneOf(plan)
    const monitor = new DevMonitor(plan, feed.what, systemClock, (event) => display.event(event, zone))
    const settings = sessionSettings(options, terminal, 10_000)
    const session = await openSession({
      plan,
      pipelinePath,
      dataFolder: dataFolderOf(options, terminal, plan),
      ...settings,
      ...LIVE,
      workers: options.text('workers') === undefined ? 0 : settings.workers,
      events: monitor.events,
    })
    try {
      const foreign = await feed.isForeign(session.pipeline, await topicBefore(session))
      if (foreign) monitor.feed = 'what its topic holds'
      await monitor.attach(session)
      if (foreign) monitor.notice(NOTHING_SIMULATED)
      const topic = options.text('topic')
      await live({
        plan,
        session,
        feed: foreign ? null : feed,
        topic,
        monitor,
        display,
        stop,
        workingFolder: terminal.workingFolder,
      })
      await session.pipeline.settle()
      await monitor.settled()
    } finally {
      await session.close()
    }
    if (options.flag('json')) display.update(monitor.view)
    else terminal.out(farewell(monitor.view, plan, options.text('data')))
    return EXIT.done
  },
}

const DEV_OPTIONS = {
  ...SESSION_OPTIONS,
  input: { type: 'string', multiple: true },
  speed: { type: 'string' },
  rate: { type: 'string' },
  simulate: { type: 'boolean' },
  json: { type: 'boolean' },
} as const

function feedOf(plan: Plan, inputs: readonly string[], options: Args, terminal: Terminal): Feed {
  return chooseFeed({
    plan,
    topic: options.text('topic') ?? plan.topic.name,
    inputs,
    speed: options.positive('speed'),
    rate: options.positive('rate'),
    brokers: brokersOf(terminal) !== undefined,
    simulate: options.flag('simulate'),
    clock: systemClock,
  })
}

const NOTHING_SIMULATED =
  'Nothing is simulated: the topic has records from elsewhere. For a simulation choose another --data DIR; for a file give --input FILE.'

async function topicBefore({ pipeline }: Session): Promise<TopicBefore> {
  const records = (await pipeline.endOffsets()).reduce((sum, end) => sum + end, 0)
  return { records, maxEventTime: (await pipeline.counts()).maxEventTime }
}

interface Live {
  readonly plan: Plan
  readonly session: Session
  /** Null: nothing is fed. */
  readonly feed: Feed | null
  /** As --topic names it. */
  readonly topic: string | undefined
  readonly monitor: DevMonitor
  readonly display: DevDisplay
  readonly stop: AbortSignal
  readonly workingFolder: string
}

/** Feeds and shows until the user stops it. Rejects when the input or a stage can't go on. */
async function live(running: Live): Promise<void> {
  const { session, monitor, stop } = running
  const over = new AbortController()
  const signal = AbortSignal.any([stop, over.signal])
  const feeding = feedAndTell(running, signal)
  const showing = show(running, signal)
  const stopped = new Promise<void>((resolve) => {
    if (stop.aborted) resolve()
    stop.addEventListener('abort', () => resolve(), { once: true })
  })
  try {
    // Feeding may end long before the user is done watching; only its failure ends everything.
    await Promise.race([stopped, session.pipeline.failure, showing, feeding.then(() => stopped)])
  } finally {
    over.abort()
    await Promise.allSettled([feeding, showing])
  }
  await feeding
  await monitor.sample()
}

async function show({ monitor, display }: Live, signal: AbortSignal): Promise<void> {
  let due = 0
  while (!signal.aborted) {
    await monitor.sample()
    const now = systemClock.now()
    if (now >= due) {
      display.update(monitor.view)
      due = now + display.every - SAMPLE_EVERY / 2
    }
    await systemClock.sleep(SAMPLE_EVERY, signal)
  }
}

async function feedAndTell(running: Live, signal: AbortSignal): Promise<void> {
  const { session, feed } = running
  const end = (await feed?.run(session.pipeline, signal)) ?? { kind: 'stopped' }
  session.pipeline.gate.end()
  if (end.kind === 'read') await tellOfTheEnd(running, end, signal)
}

/** Once all that was read is applied, and what it closes is closed. */
async function tellOfTheEnd(
  { plan, session, topic, monitor, display, workingFolder }: Live,
  { inputs: fed }: Extract<FeedEnd, { kind: 'read' }>,
  signal: AbortSignal,
): Promise<void> {
  const wait = async (until: () => boolean): Promise<void> => {
    while (!signal.aborted && !until()) {
      await systemClock.sleep(SAMPLE_EVERY, signal)
      await monitor.sample()
    }
  }
  const inputs = fed.map(({ path }) => path)
  await monitor.sample()
  await wait(() => monitor.lag === 0)
  // Two: the one under way may have begun before the last record was applied.
  const closes = plan.outputs.some(isWindowOutput) ? monitor.closes + 2 : 0
  await wait(() => monitor.closes >= closes)
  if (signal.aborted) return
  monitor.feed = `${inputs.map((path) => basename(path)).join(', ')}, read to the end`
  const { counts, closedUpTo } = monitor.view
  const open = openWindows(plan, closedUpTo, counts.maxEventTime)
  const event: DevEvent = {
    event: 'input read',
    inputs,
    fedBefore: fed.flatMap(({ path, fedBefore }) => (fedBefore ? [path] : [])),
    records: fed.reduce((sum, one) => sum + one.records, 0),
    malformed: fed.reduce((sum, one) => sum + one.malformed, 0),
    openWindows: open,
  }
  display.event(event, zoneOf(plan))
  const anyOpen = open === null || Object.values(open).some((windows) => windows > 0)
  const files = inputs.map((path) => `--input ${path}`).join(' ')
  const close = `To close them, stop and call: npx sluice run ${plan.name} ${files} --data ${shownPath(session.folder.path, workingFolder)}${topic === undefined ? '' : ` --topic ${topic}`}`
  monitor.notice(`${display.tells ? '' : `${inputText(event)} `}${anyOpen ? close : 'Waiting for more.'}`)
}

function farewell(view: DevView, plan: Plan, named: string | undefined): string {
  const { counts, lag, tables, uptime } = view
  const waiting = lag === 0 ? '' : `${count(lag)} more wait in the topic for the next start\n`
  const data = named === undefined ? '' : ` --data ${named}`
  const results = plannedTables(plan).find(({ writer }) => writer === 'close') ?? plannedTables(plan)[0]!
  const rows = tables.map(({ name, rows, version }) => [name, count(rows), String(version)])
  return `
Stopped after ${elapsed(uptime)}.
${count(counts.read)} records read = ${count(counts.counted)} counted + ${count(counts.late)} late + ${count(counts.quarantined)} quarantined
${waiting}
${alignTable(['table', 'rows', 'version'], rows, [1, 2])}
To look at them:  npx sluice query "SELECT * FROM ${results.name} LIMIT 20"${data}
To go on:         the same command again
`
}
