import { GenericError, MultipleErrors } from '@platformatic/kafka'
import { isSluiceError, SluiceError } from '#core/errors.ts'

/** What a request came to, as far as a retry goes. `id` is Kafka's own name of the error (`NOT_LEADER_OR_FOLLOWER`). */
export interface KafkaFault {
  readonly id: string | null
  readonly message: string
  readonly retryable: boolean
}

/** Those that Kafka's table calls final, though looking again for the leader or the coordinator cures them. */
const CURABLE = new Set([
  'BROKER_NOT_AVAILABLE',
  'FENCED_LEADER_EPOCH',
  'UNKNOWN_LEADER_EPOCH',
  'COORDINATOR_NOT_AVAILABLE',
])

/** Undefined for what is no fault of Kafka's or the network's. */
export function faultOf(error: unknown): KafkaFault | undefined {
  if (isSluiceError(error)) return undefined
  if (error instanceof MultipleErrors) {
    const faults = (error.errors as readonly unknown[]).flatMap((each) => faultOf(each) ?? [])
    return faults.find(({ retryable }) => !retryable) ?? faults[0] ?? network(error.message)
  }
  if (!(error instanceof GenericError)) return undefined
  const { apiId, canRetry, serverErrorMessage } = error as {
    apiId?: unknown
    canRetry?: unknown
    serverErrorMessage?: unknown
  }
  if (typeof apiId === 'string') {
    const detail =
      typeof serverErrorMessage === 'string' && serverErrorMessage !== '' ? serverErrorMessage : error.message
    return { id: apiId, message: `${apiId}: ${detail}`, retryable: canRetry === true || CURABLE.has(apiId) }
  }
  return network(innermost(error))
}

const network = (message: string): KafkaFault => ({ id: null, message, retryable: true })

function innermost(error: Error): string {
  const { cause } = error
  if (cause instanceof AggregateError && cause.errors.length > 0) return innermost(cause.errors[0] as Error)
  return cause instanceof Error ? innermost(cause) : error.message
}

/** The error that the caller sees when a request was given up. */
export function kafkaError(brokers: readonly string[], topic: string, fault: KafkaFault): SluiceError {
  const where = brokers.join(', ')
  const details = { brokers, topic, ...(fault.id === null ? {} : { kafka: fault.id }) }
  if (fault.id === null || fault.retryable) {
    return new SluiceError(
      'BROKER_UNREACHABLE',
      `Expected a Kafka broker at ${where} to serve topic "${topic}", got no answer (${fault.message}). ` +
        'Start it, or correct its address; a retry may succeed.',
      { retryable: true, details },
    )
  }
  return new SluiceError(
    'BROKER_REFUSED',
    `Expected Kafka at ${where} to serve topic "${topic}", it refused (${fault.message}). Correct the cause; a retry will not help.`,
    { details },
  )
}

export function topicNotFound(brokers: readonly string[], topic: string): SluiceError {
  return new SluiceError(
    'TOPIC_NOT_FOUND',
    `Expected topic "${topic}" at ${brokers.join(', ')}, found none. Create it, or correct its name.`,
    { details: { brokers, topic } },
  )
}
