import type { Terminal } from '#cli/terminal.ts'

/** Brokers of a real Kafka, from KAFKA_BROKERS; undefined for the embedded topic. */
export function brokersOf({ env }: Terminal): readonly string[] | undefined {
  const brokers = (env['KAFKA_BROKERS'] ?? '').split(',').map((broker) => broker.trim())
  const named = brokers.filter((broker) => broker !== '')
  return named.length === 0 ? undefined : named
}
