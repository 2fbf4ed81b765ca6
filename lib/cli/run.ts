import { readArgs } from '#cli/args.ts'
import { brokersOf } from '#cli/brokers.ts'
import { Progress } from '#cli/progress.ts'
import { dataFolderOf, SESSION_OPTIONS, sessionSettings } from '#cli/session-options.ts'
import { printSummary, type RunSummary, summarize } from '#cli/summary.ts'
import { type Command, EXIT, type Terminal } from '#cli/terminal.ts'
import { SluiceError } from '#core/errors.ts'
import { feedInputs } from '#local/feed-inputs.ts'
import { checkInputs } from '#local/inputs.ts'
import { findPipeline, loadPipeline } from '#local/pipeline-module.ts'
import { openSession, type Session } from '#local/session.ts'
import type { Plan } from '#plan/plan.ts'

const HELP = `sluice run PIPELINE --input FILE… [options]

Feeds the files into the topic, applies everything, closes every window, and exits. After a crash, or Ctrl-C, the same command
on the same data folder goes on where it stopped and ends in the same tables.

  PIPELINE            a module whose default export is a pipeline, or the name of one in pipelines/
  --input FILE        CSV with a header, or JSON lines; may be given several times, read in that order
  --data DIR          data folder (default .sluice/<pipeline>)
  --partitions N      partitions of a new topic (default: the pipeline's)
  --batch-size N      records a batch, 1 to 10,000 (default 10,000)
  --workers N         worker threads for the stages (default 0: all in one thread, which needs the least memory)
  --topic NAME        topic, where it isn't the pipeline's
  --no-sql            leave the SQL sinks out
  --json              the summary as JSON
  --quiet             no progress

KAFKA_BROKERS=host:port,…   uses that broker instead of the embedded topic
DATABASE_URL=postgres://…   uses that database instead of the embedded one
`

export const runCommand: Command = {
  help: HELP,
  async run(args, terminal) {
    const options = readArgs(
      'run',
      args,
      {
        ...SESSION_OPTIONS,
        input: { type: 'string', multiple: true },
        json: { type: 'boolean' },
        quiet: { type: 'boolean' },
      },
      1,
    )
    const name = options.positionals[0]
    if (name === undefined) throw new SluiceError('USAGE', 'Which pipeline? Try: sluice run crimes --input FILE.csv')
    const inputs = options.texts('input')
    if (inputs.length === 0 && brokersOf(terminal) === undefined) {
      throw new SluiceError('USAGE', 'Which files? Try: sluice run crimes --input FILE.csv')
    }
    const pipelinePath = findPipeline(name, terminal.workingFolder)
    const plan = await loadPipeline(pipelinePath)
    checkInputs(inputs, plan.topic.fields)
    const progress = new Progress(terminal, options)
    const session = await openSession({
      plan,
      pipelinePath,
      dataFolder: dataFolderOf(options, terminal, plan),
      ...sessionSettings(options, terminal, 10_000),
      events: {
        onRetry: (stage, error, attempt) => progress.retry(stage, error, attempt),
        onHeld: (held) => progress.held(held),
      },
    })
    try {
      const summary = await drive(session, plan, inputs, progress, terminal)
      if (summary === null) {
        progress.end()
        terminal.err('Interrupted. The same command goes on where this one stopped.\n')
        return EXIT.interrupted
      }
      if (options.flag('json')) terminal.out(`${JSON.stringify(summary)}\n`)
      else printSummary(terminal, summary)
      return summary.failed.length === 0 ? EXIT.done : EXIT.failed
    } finally {
      progress.end()
      await session.close()
    }
  },
}

/** Null when it was interrupted. However it ends, by then nothing feeds the topic any more. */
async function drive(
  session: Session,
  plan: Plan,
  inputs: readonly string[],
  progress: Progress,
  terminal: Terminal,
): Promise<RunSummary | null> {
  const { pipeline } = session
  const interrupted = new Promise<null>((resolve) => {
    if (terminal.interrupted.aborted) resolve(null)
    terminal.interrupted.addEventListener('abort', () => resolve(null), { once: true })
  })
  const over = new AbortController()
  const signal = AbortSignal.any([terminal.interrupted, over.signal])
  progress.begin(pipeline)
  let ready = 0
  const feeding = feedInputs({
    fields: plan.topic.fields,
    key: plan.topic.key,
    writer: pipeline.writer,
    gate: pipeline.gate,
    paths: inputs,
    signal,
    onIdentified: () => {
      ready = performance.now() / 1000
    },
    onProgress: (path, now) => progress.fed(path, now),
  })
  const work = async (): Promise<RunSummary> => {
    const fed = await feeding
    signal.throwIfAborted()
    progress.read(fed)
    await pipeline.finish()
    return summarize(pipeline, session.folder, fed, ready)
  }
  const working = work()
  working.catch(() => {})
  try {
    return await Promise.race([working, interrupted, pipeline.failure])
  } finally {
    over.abort()
    await feeding.catch(() => {})
  }
}
