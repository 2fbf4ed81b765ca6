/**
 * Kills, freezes and doubles the processes of a pipeline on a real Kafka, DynamoDB Local and an S3 service, and shows that
 * nothing is lost and nothing doubled.
 *
 *   npm run test:chaos [-- --records 1000000] [--seed 1] [--minutes 4] [--freeze 30] [--sabotage]
 *
 * Services of its own are started from ../shared/services and ended again, unless --given names those of the environment (then
 * the broker is not restarted). --sabotage breaks the fences on purpose: the run must then find differences. Exits with 0 if all tables are right.
 */
import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { KafkaTopicWriter } from '#adapters/kafka/topic.ts'
import { systemClock } from '#adapters/system/clock.ts'
import type { Millis } from '#core/time.ts'
import { Housekeeper } from '#local/housekeeper.ts'
import { createTables } from '#local/ports.ts'
import { acceptedItems } from '#runtime/accepted.ts'
import { lakeGroup, progressGroup } from '#runtime/keys.ts'
import { listProgress } from '#runtime/progress.ts'
import type { Runtime } from '#runtime/runtime.ts'
import { dice } from '../support/dice.ts'
import { type Checked, checkRun } from './check-run.ts'
import { Fleet, type Member } from './fleet.ts'
import { prepareSite, runtimeAt, type Site } from './site.ts'
import { PARTITIONS, packed, type Visit, visits } from './turnstiles.ts'

export interface ChaosOptions {
  readonly services: { readonly brokers: readonly string[]; readonly dynamodb: string; readonly s3: string }
  readonly records: number
  readonly seed: number
  /** How long records are produced, and things go wrong. */
  readonly duration: Millis
  /** How long a process stands still. */
  readonly freeze: Millis
  /** Stops the broker and starts it again; null where it is others' too. */
  readonly restartBroker: (() => Promise<void>) | null
  /** Breaks exactly-once on purpose: what is stored is written over, whoever wrote it. A run that is right then checks nothing. */
  readonly sabotage: boolean
  readonly log: (line: string) => void
}

export interface ChaosReport extends Checked {
  readonly kills: number
  readonly freezes: number
  readonly starts: number
  readonly restarts: number
}

const sleep = (millis: Millis): Promise<void> => systemClock.sleep(millis)

export async function chaosRun(options: ChaosOptions): Promise<ChaosReport> {
  const { services, log } = options
  const name = `sluice-chaos-${randomUUID()}`
  const site: Site = { ...services, topic: name, stateTable: name, bucket: name, sabotage: options.sabotage }
  await prepareSite(site)
  const writer = await KafkaTopicWriter.open({
    brokers: site.brokers,
    name,
    partitions: PARTITIONS,
    clock: systemClock,
  })
  const runtime = runtimeAt(site)
  await createTables(runtime)
  const fleet = new Fleet(site)
  try {
    const produced: Visit[] = []
    const run = new ChaosRun(options, fleet)
    const feeding = feed(writer, produced, options, run)
    await Promise.all([feeding, run.harass()])
    log(`${produced.length} records produced, ${JSON.stringify(fleet.counts)}`)
    await run.calm()
    const ends = partitionEnds(produced.length)
    await applied(runtime, ends, fleet)
    await fleet.killAll()
    await finish(runtime, ends)
    log('checking')
    const checked = await checkRun(runtime, produced, ends)
    const differences = [...fleet.failures, ...checked.differences]
    return { ...checked, differences, ...fleet.counts, restarts: run.restarts }
  } finally {
    await fleet.killAll()
    await writer.close()
    await runtime.state.close()
  }
}

const CHUNK = 500

/** Record chunk i goes to partition i mod 6. */
function partitionEnds(count: number): readonly number[] {
  const ends = new Array<number>(PARTITIONS).fill(0)
  for (let n = 0; n < count; n += CHUNK) ends[(n / CHUNK) % PARTITIONS]! += Math.min(CHUNK, count - n)
  return ends
}

/** At an even pace, and no faster than things happen: none of them may come too late. */
async function feed(writer: KafkaTopicWriter, produced: Visit[], options: ChaosOptions, run: ChaosRun): Promise<void> {
  const { records, seed, duration } = options
  await run.allows(0)
  const began = performance.now()
  for (let n = 0; n < records; n += CHUNK) {
    const some = [...visits(seed, n, Math.min(n + CHUNK, records))]
    await run.brokerIsUp()
    await writer.append((n / CHUNK) % PARTITIONS, packed(some))
    produced.push(...some)
    run.fed(produced.length / records)
    const ahead = (n / records) * duration - (performance.now() - began)
    if (ahead > 5) await sleep(ahead)
    await run.allows((n + CHUNK) / records)
  }
  run.fed(1)
}

/** Consumers of two partitions each and two keepers, to which things happen while records come. */
class ChaosRun {
  restarts = 0
  readonly #options: ChaosOptions
  readonly #fleet: Fleet
  readonly #random: () => number
  readonly #consumers: Member[] = []
  readonly #keepers: Member[] = []
  #broker: Promise<void> = Promise.resolve()
  #part = 0
  #allowed = -1

  constructor(options: ChaosOptions, fleet: Fleet) {
    this.#options = options
    this.#fleet = fleet
    this.#random = dice(options.seed)
  }

  /** How much of all records is produced. */
  fed(part: number): void {
    this.#part = part
  }

  /** Resolves when so large a part of the records may be there. */
  async allows(part: number): Promise<void> {
    while (part > this.#allowed) await sleep(50)
  }

  brokerIsUp(): Promise<void> {
    return this.#broker
  }

  /** Until everything is produced: one thing after the other, each at least once. */
  async harass(): Promise<void> {
    await this.calm()
    const happenings: (readonly [string, () => Promise<void>])[] = [
      ['a consumer is killed', () => this.#killOne(this.#consumers)],
      ['a keeper is killed', () => this.#killOne(this.#keepers)],
      ['a consumer stands still while another takes over', () => this.#freezeConsumer()],
      ['a keeper stands still', () => this.#freezeKeeper()],
      ['two consumers have the same partitions', () => this.#rival()],
      ['partitions are dealt anew', () => this.#dealAnew()],
    ]
    if (this.#options.restartBroker !== null) happenings.push(['the broker is started again', () => this.#restart()])
    for (let turn = 0; turn < happenings.length || this.#part < 1; turn++) {
      this.#allowed = Math.min(1, (turn + 1) / happenings.length)
      const [what, happen] = happenings[turn % happenings.length]!
      this.#options.log(`${Math.floor(this.#part * 100)} %: ${what}`)
      await happen()
      await sleep(500 + 2_000 * this.#random())
    }
    this.#allowed = 1
  }

  /** Everybody at work. */
  async calm(): Promise<void> {
    for (let first = this.#consumers.length * 2; first < PARTITIONS; first += 2) {
      this.#consumers.push(await this.#fleet.start(`consumer of ${first}`, [first, first + 1]))
    }
    while (this.#keepers.length < 2) this.#keepers.push(await this.#fleet.start('keeper', null))
  }

  async #killOne(members: Member[]): Promise<void> {
    const at = Math.floor(this.#random() * members.length)
    const { name, partitions } = members[at]!
    await this.#fleet.kill(members[at]!)
    members[at] = await this.#fleet.start(name, partitions)
  }

  /** The zombie wakes up when its partitions have long been somebody else's; then one of the two is killed. */
  async #freezeConsumer(): Promise<void> {
    const at = Math.floor(this.#random() * this.#consumers.length)
    const zombie = this.#consumers[at]!
    this.#fleet.freeze(zombie)
    const heir = await this.#fleet.start(`heir of ${zombie.name}`, zombie.partitions)
    await sleep(this.#options.freeze)
    this.#fleet.thaw(zombie)
    await sleep(3_000)
    const [stays, goes] = this.#random() < 0.5 ? [zombie, heir] : [heir, zombie]
    await this.#fleet.kill(goes)
    this.#consumers[at] = stays
  }

  async #freezeKeeper(): Promise<void> {
    const keeper = this.#keepers[0]!
    this.#fleet.freeze(keeper)
    await sleep(this.#options.freeze)
    this.#fleet.thaw(keeper)
    await sleep(1_000)
  }

  async #rival(): Promise<void> {
    const all = Array.from({ length: PARTITIONS }, (_, partition) => partition)
    const rival = await this.#fleet.start('rival', all)
    await sleep(Math.min(10_000, this.#options.freeze))
    await this.#fleet.kill(rival)
  }

  async #dealAnew(): Promise<void> {
    for (const consumer of this.#consumers.splice(0)) await this.#fleet.kill(consumer)
    const half = PARTITIONS / 2
    for (const first of [0, half]) {
      const dealt = Array.from({ length: half }, (_, i) => (first + 2 * i + (first > 0 ? 1 - half : 0)) % PARTITIONS)
      this.#consumers.push(await this.#fleet.start(`consumer of ${dealt}`, dealt))
    }
    await sleep(3_000)
    for (const consumer of this.#consumers.splice(0)) await this.#fleet.kill(consumer)
    await this.calm()
  }

  async #restart(): Promise<void> {
    this.restarts++
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#broker = promise
    // What is being appended has its answer by then.
    await sleep(1_000)
    await this.#options.restartBroker!()
    resolve()
  }
}

const PATIENCE: Millis = 180_000

/** Waits until both stages have applied everything. */
async function applied(runtime: Runtime, ends: readonly number[], fleet: Fleet): Promise<void> {
  const deadline = performance.now() + PATIENCE
  for (;;) {
    const windows = await listProgress(runtime.state, progressGroup(runtime))
    const lake = await acceptedItems(runtime.state, lakeGroup(runtime)).list()
    const left = ends.filter(
      (end, partition) =>
        (windows.get(partition)?.last.offset ?? -1) < end - 1 ||
        (lake.get(partition)?.body?.last.offset ?? -1) < end - 1,
    )
    if (left.length === 0) return
    if (performance.now() > deadline) throw new Error(`${left.length} partitions are not applied. ${fleet.failures}`)
    await sleep(500)
  }
}

async function finish(runtime: Runtime, ends: readonly number[]): Promise<void> {
  const settings = { commitEvery: 1_000, closeEvery: 1_000, checkpointEvery: 1_000 }
  await new Housekeeper(runtime, async () => ends, settings, {}).finish()
}

const run = promisify(execFile)
const kit = fileURLToPath(new URL('../../../shared/services/', import.meta.url))

/** Services for this run alone: others' broker must not be restarted. */
async function ownServices() {
  const home = process.env['SERVICES_HOME'] ?? join(homedir(), '.cache', 'sluice-services-chaos')
  const env = { ...process.env, SERVICES_HOME: home, SERVICES_PORT_SHIFT: process.env['SERVICES_PORT_SHIFT'] ?? '3000' }
  const kitRun = (script: string, ...names: string[]) => run(join(kit, script), names, { env, timeout: 600_000 })
  const { stdout } = await kitRun('up', 'kafka', 'dynamodb', 's3')
  const named = new Map([...stdout.matchAll(/^export (\w+)=(.*)$/gm)].map(([, name, value]) => [name!, value!]))
  return {
    services: {
      brokers: named.get('KAFKA_BROKERS')!.split(','),
      dynamodb: named.get('DYNAMODB_ENDPOINT_URL')!,
      s3: named.get('AWS_ENDPOINT_URL')!,
    },
    async restartBroker() {
      await kitRun('down', 'kafka')
      await kitRun('up', 'kafka')
    },
    async end() {
      await kitRun('down', 'kafka', 'dynamodb', 's3')
    },
  }
}

/** The services that the environment names; undefined when one is missing. */
export function givenServices(): ChaosOptions['services'] | undefined {
  const { KAFKA_BROKERS: brokers, DYNAMODB_ENDPOINT_URL: dynamodb, AWS_ENDPOINT_URL: s3 } = process.env
  if (!brokers || !dynamodb || !s3) return undefined
  return { brokers: brokers.split(','), dynamodb, s3 }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      records: { type: 'string', default: '1000000' },
      seed: { type: 'string', default: '1' },
      minutes: { type: 'string', default: '4' },
      freeze: { type: 'string', default: '30' },
      given: { type: 'boolean', default: false },
      sabotage: { type: 'boolean', default: false },
    },
  })
  const began = performance.now()
  const own = values.given ? null : await ownServices()
  const services = own?.services ?? givenServices()
  if (services === undefined) throw new Error('--given wants KAFKA_BROKERS, DYNAMODB_ENDPOINT_URL and AWS_ENDPOINT_URL')
  try {
    const report = await chaosRun({
      services,
      records: Number(values.records),
      seed: Number(values.seed),
      duration: Number(values.minutes) * 60_000,
      freeze: Number(values.freeze) * 1_000,
      restartBroker: own?.restartBroker ?? null,
      sabotage: values.sabotage,
      log: (line) =>
        process.stderr.write(`${((performance.now() - began) / 1000).toFixed(0).padStart(4)} s  ${line}\n`),
    })
    const { differences, ...counts } = report
    for (const difference of differences.slice(0, 20)) process.stdout.write(`DIFFERS ${difference}\n`)
    process.stdout.write(`${JSON.stringify(counts)}\n`)
    process.stdout.write(
      `seed ${values.seed}: ${differences.length === 0 ? '0 lost, 0 doubled' : `${differences.length} DIFFERENCES`}\n`,
    )
    process.exitCode = differences.length === 0 ? 0 : 1
  } finally {
    await own?.end()
  }
}

if (import.meta.main) await main()
