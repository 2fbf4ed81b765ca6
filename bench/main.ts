/**
 * npm run bench [-- --copies N] [--repeat R] [--profile]
 *
 * Whole runs of the crimes pipeline, each in a process of its own: records/s, CPU seconds per million records, peak memory, and
 * the time until records can flow. With KAFKA_BROKERS also through that broker. bench/README.md has the baseline and what it
 * taught us.
 */
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { writeCrimesCsv } from '#local/simulator-csv.ts'
import { timeByLayer } from './cpu-profile.ts'
import { writeCopies } from './crimes-input.ts'

const { values } = parseArgs({
  options: {
    copies: { type: 'string', default: '20' },
    repeat: { type: 'string', default: '3' },
    profile: { type: 'boolean', default: false },
  },
})
const root = fileURLToPath(new URL('..', import.meta.url))
const months = ['06', '07'].map((month) => join(root, `../shared/data/crimes/crimes_2018-${month}.csv`))

interface Summary {
  readonly records: {
    readonly read: number
    readonly counted: number
    readonly late: number
    readonly quarantined: number
  }
  readonly readySeconds: number
  readonly seconds: number
  readonly cpuSeconds: number
  readonly peakMemoryMb: number
}

interface Variant {
  readonly name: string
  readonly pipeline: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

function prepareInput(): string {
  const copies = Number(values.copies)
  const real = months.every((file) => existsSync(file))
  const input = join(root, `bench/data/${real ? 'crimes' : 'simulated'}-${copies}.csv`)
  if (existsSync(input)) return input
  if (real) writeCopies(months, copies, input)
  else writeFileSync(input, writeCrimesCsv(1, 48_791 * copies))
  return input
}

function variants(input: string): readonly Variant[] {
  const pipeline = join(root, 'bench/crimes-without-detectors.ts')
  const embedded = [
    { name: 'embedded topic, with PGlite', pipeline, args: ['--input', input], env: {} },
    { name: 'embedded topic, no SQL', pipeline, args: ['--input', input, '--no-sql'], env: {} },
    {
      name: 'embedded topic, no SQL, with detectors',
      pipeline: 'crimes',
      args: ['--input', input, '--no-sql'],
      env: {},
    },
  ]
  const brokers = process.env['KAFKA_BROKERS']
  if (brokers === undefined) return embedded
  const topic = `bench-${process.pid}`
  return [
    ...embedded,
    {
      name: 'Kafka, fed and read',
      pipeline,
      args: ['--input', input, '--no-sql', '--topic', topic],
      env: { KAFKA_BROKERS: brokers },
    },
    { name: 'Kafka, loaded before', pipeline, args: ['--no-sql', '--topic', topic], env: { KAFKA_BROKERS: brokers } },
  ]
}

async function run({ pipeline, args, env }: Variant, nodeFlags: readonly string[] = []): Promise<Summary> {
  const data = mkdtempSync(join(tmpdir(), 'sluice-bench-'))
  try {
    const command = [...nodeFlags, join(root, 'bin/sluice.mjs'), 'run', pipeline, '--json', '--data', data, ...args]
    const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => name !== 'KAFKA_BROKERS'))
    const child = spawn(process.execPath, command, { env: { ...clean, ...env }, stdio: ['ignore', 'pipe', 'inherit'] })
    let text = ''
    for await (const chunk of child.stdout) text += String(chunk)
    return JSON.parse(text) as Summary
  } finally {
    rmSync(data, { recursive: true, force: true })
  }
}

function print(name: string, summaries: readonly Summary[]): void {
  const range = (pick: (one: Summary) => number, digits: number): string => {
    const sorted = summaries.map(pick).sort((a, b) => a - b)
    const text = (value: number): string => value.toLocaleString('en-US', { maximumFractionDigits: digits })
    return `${text(sorted[Math.floor(sorted.length / 2)]!)} (${text(sorted[0]!)}–${text(sorted.at(-1)!)})`
  }
  const cells = [
    name,
    range((one) => one.seconds, 1),
    range((one) => one.records.read / one.seconds, 0),
    range((one) => (one.cpuSeconds * 1e6) / one.records.read, 1),
    range((one) => one.peakMemoryMb, 0),
    range((one) => one.readySeconds, 2),
  ]
  process.stdout.write(`| ${cells.join(' | ')} |\n`)
}

async function profile(variant: Variant): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-profile-'))
  await run({ ...variant, env: { ...variant.env, SLUICE_TUNED: '1' } }, ['--cpu-prof', `--cpu-prof-dir=${folder}`])
  const files = readdirSync(folder).map((file) => join(folder, file))
  process.stdout.write(`\nWhere the time goes (${variant.name}):\n\n${timeByLayer(files)}`)
  rmSync(folder, { recursive: true })
}

const input = prepareInput()
process.stdout.write(
  `${cpus().length} × ${cpus()[0]?.model}, Node ${process.version}, ${new Date().toISOString().slice(0, 10)}\n\n`,
)
process.stdout.write(
  '| run | wall s | records/s | CPU s per million | peak MB | ready s |\n|---|---|---|---|---|---|\n',
)
for (const variant of variants(input)) {
  const summaries: Summary[] = []
  for (let i = 0; i < Number(values.repeat); i++) {
    // A topic is fed once: feeding the same file again adds nothing.
    const own = { ...variant, args: variant.args.map((arg) => (arg.startsWith('bench-') ? `${arg}-${i}` : arg)) }
    summaries.push(await run(own))
  }
  print(variant.name, summaries)
}
if (values.profile) await profile(variants(input)[1]!)
