import { describe, expect, test } from 'vitest'
import { chaosRun, givenServices } from '../chaos/chaos-run.ts'

const services = givenServices()

describe.skipIf(services === undefined)('Processes on Kafka, DynamoDB Local and S3', () => {
  test('lose nothing and double nothing when they are killed, stand still and fight over partitions', {
    timeout: 240_000,
  }, async () => {
    const report = await chaosRun({
      services: services!,
      records: 50_000,
      seed: 1,
      duration: 15_000,
      freeze: 4_000,
      restartBroker: null,
      sabotage: false,
      log: () => {},
    })
    expect(report.differences).toEqual([])
    expect(report.records).toBe(50_000)
    expect(report.kills).toBeGreaterThanOrEqual(9)
    expect(report.freezes).toBeGreaterThanOrEqual(2)
    expect(report.late).toBeGreaterThan(0)
    expect(report.corrected).toBeGreaterThan(0)
  })
})
