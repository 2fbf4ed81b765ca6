import { setTimeout as pause } from 'node:timers/promises'
import { type Broker, type Connection, ConnectionPool, findCoordinatorV2, metadataV8 } from '@platformatic/kafka'
import { isSluiceError, SluiceError } from '#core/errors.ts'
import type { Millis } from '#core/time.ts'
import { faultOf, kafkaError, topicNotFound } from './kafka-error.ts'

/** How long a request is tried again before the caller hears of it; the caller retries too, at its own pace. */
export const PATIENCE: Millis = 2_000
const FIRST_PAUSE: Millis = 50
const LONGEST_PAUSE: Millis = 1_000

const GROUP_KEY = 0

interface Leaders {
  readonly brokers: ReadonlyMap<number, Broker>
  /** Node id of the leader of each partition. */
  readonly nodes: readonly number[]
}

/**
 * Connections to the brokers of one topic: finds leaders and coordinators, and repeats what failed for a passing reason.
 * A broker answers the requests of a connection one after the other, so whoever lets it wait needs connections of their own.
 */
export class Cluster {
  readonly topic: string
  readonly brokers: readonly string[]
  readonly #bootstrap: Broker[]
  readonly #pool: ConnectionPool
  #leaders: Promise<Leaders> | null = null
  readonly #coordinators = new Map<string, Promise<Broker>>()

  /** @throws SluiceError BROKER_UNREACHABLE for an address that is none, NAME_INVALID */
  constructor(brokers: readonly string[], topic: string) {
    checkTopicName(topic)
    this.topic = topic
    this.brokers = brokers
    this.#bootstrap = brokers.map(parseBroker)
    this.#pool = new ConnectionPool('sluice')
    // A connection reports errors as events too; the request that meets one rejects anyway.
    this.#pool.on('connecting', ({ connection }) => void connection.on('error', () => {}))
  }

  /** @throws SluiceError TOPIC_NOT_FOUND, BROKER_UNREACHABLE */
  async partitionCount(): Promise<number> {
    return this.retrying(async () => (await this.#findLeaders()).nodes.length)
  }

  /** The id of the cluster; null where its brokers know none. One request. @throws SluiceError BROKER_UNREACHABLE */
  id(): Promise<string | null> {
    return this.retrying(async () => {
      const { clusterId } = await this.onAny((connection) => metadataV8.api.async(connection, [], false))
      return clusterId ?? null
    })
  }

  /** Forgets who leads what: partitions that were added since are seen from then on. */
  forgetLeaders(): void {
    this.#leaders = null
  }

  /** The same of a topic that was just created: brokers hear of it one after the other. */
  async whenThere(patience: Millis): Promise<number> {
    const start = performance.now()
    for (;;) {
      try {
        return await this.retrying(async () => (await this.#findLeaders()).nodes.length, patience)
      } catch (error) {
        if (!isSluiceError(error, 'TOPIC_NOT_FOUND') || performance.now() - start > patience) throw error
      }
      await pause(FIRST_PAUSE)
    }
  }

  /** Node ids of the partitions' leaders. */
  async leaderNodes(): Promise<readonly number[]> {
    return this.retrying(async () => (await this.#findLeaders()).nodes)
  }

  /** Asks the leader of a partition. */
  onLeader<Answer>(
    partition: number,
    ask: (connection: Connection) => Promise<Answer>,
    patience?: Millis,
  ): Promise<Answer> {
    return this.retrying(async () => {
      const { brokers, nodes } = await this.#findLeaders()
      return ask(await this.#pool.get(brokers.get(nodes[partition]!)!))
    }, patience)
  }

  /** Asks the broker that keeps the offsets of a consumer group. */
  onCoordinator<Answer>(
    group: string,
    ask: (connection: Connection) => Promise<Answer>,
    patience?: Millis,
  ): Promise<Answer> {
    return this.retrying(async () => {
      try {
        const broker = this.#coordinators.get(group) ?? this.#findCoordinator(group)
        this.#coordinators.set(group, broker)
        return await ask(await this.#pool.get(await broker))
      } catch (error) {
        this.#coordinators.delete(group)
        throw error
      }
    }, patience)
  }

  /** Asks whichever broker can be reached. */
  async onAny<Answer>(ask: (connection: Connection) => Promise<Answer>): Promise<Answer> {
    return ask(await this.#pool.getFirstAvailable(this.#bootstrap))
  }

  /** @throws SluiceError BROKER_UNREACHABLE when `patience` is over, BROKER_REFUSED, TOPIC_NOT_FOUND */
  async retrying<Answer>(attempt: () => Promise<Answer>, patience: Millis = PATIENCE): Promise<Answer> {
    const start = performance.now()
    for (let rest = FIRST_PAUSE; ; rest = Math.min(LONGEST_PAUSE, rest * 2)) {
      try {
        return await attempt()
      } catch (error) {
        const fault = faultOf(error)
        if (fault === undefined) throw error
        // Whatever it was, the leaders may be others now.
        this.#leaders = null
        if (!fault.retryable || performance.now() + rest - start > patience) {
          throw kafkaError(this.brokers, this.topic, fault)
        }
      }
      await pause(rest)
    }
  }

  async close(): Promise<void> {
    await this.#pool.close()
  }

  #findLeaders(): Promise<Leaders> {
    if (this.#leaders !== null) return this.#leaders
    const finding = this.#askForLeaders()
    this.#leaders = finding
    finding.catch(() => {
      if (this.#leaders === finding) this.#leaders = null
    })
    return finding
  }

  async #askForLeaders(): Promise<Leaders> {
    try {
      const { brokers, topics } = await this.onAny((connection) =>
        metadataV8.api.async(connection, [this.topic], false),
      )
      const partitions = topics[0]!.partitions.toSorted((a, b) => a.partitionIndex - b.partitionIndex)
      return {
        brokers: new Map(brokers.map(({ nodeId, host, port }) => [nodeId, { host, port }])),
        nodes: partitions.map(({ leaderId }) => leaderId),
      }
    } catch (error) {
      if (faultOf(error)?.id === 'UNKNOWN_TOPIC_OR_PARTITION') throw topicNotFound(this.brokers, this.topic)
      throw error
    }
  }

  async #findCoordinator(group: string): Promise<Broker> {
    const { coordinators } = await this.onAny((connection) =>
      findCoordinatorV2.api.async(connection, GROUP_KEY, [group]),
    )
    const { host, port } = coordinators[0]!
    return { host, port }
  }
}

/**
 * The id of the cluster that the brokers belong to; null where they know none. One connection, one request.
 *
 * @throws SluiceError BROKER_UNREACHABLE, NAME_INVALID
 */
export async function kafkaClusterId(brokers: readonly string[], topic: string): Promise<string | null> {
  const cluster = new Cluster(brokers, topic)
  try {
    return await cluster.id()
  } finally {
    await cluster.close()
  }
}

function parseBroker(text: string): Broker {
  const [, host, port = '9092'] =
    /^(?:\[([^\]]+)\]|([^:\s]+))(?::(\d{1,5}))?$/.exec(text)?.filter((part) => part !== undefined) ?? []
  if (host !== undefined) return { host, port: Number(port) }
  throw new SluiceError('BROKER_UNREACHABLE', `A broker's address is host or host:port, found "${text}". Correct it.`, {
    details: { broker: text },
  })
}

function checkTopicName(name: string): void {
  if (/^[A-Za-z0-9._-]{1,249}$/.test(name) && name !== '.' && name !== '..') return
  throw new SluiceError(
    'NAME_INVALID',
    `A topic's name has 1 to 249 of the characters A-Z a-z 0-9 . _ -, found "${name}". Rename it as Kafka accepts it.`,
  )
}
