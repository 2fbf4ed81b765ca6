import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { kafkaClusterId } from '#adapters/kafka/topic.ts'

const METADATA = 3

const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

function nullableString(text: string | null): Buffer {
  const length = Buffer.alloc(2)
  length.writeInt16BE(text === null ? -1 : text.length)
  return Buffer.concat([length, Buffer.from(text ?? '')])
}

/** Speaks one answer of the protocol: Metadata, version 8, without brokers and topics. Gives its address. */
async function brokerOf(cluster: string | null): Promise<string> {
  const none = int32(0)
  const server = createServer((socket) =>
    socket.on('data', (request) => {
      expect([request.readInt16BE(4), request.readInt16BE(6)]).toEqual([METADATA, 8])
      const correlation = request.subarray(8, 12)
      const body = Buffer.concat([correlation, none, none, nullableString(cluster), int32(1), none, none])
      socket.write(Buffer.concat([int32(body.length), body]))
    }),
  ).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

describe('The id of a Kafka cluster', () => {
  it('is what its brokers say, or null', async () => {
    expect(await kafkaClusterId([await brokerOf('u9-one')], 'crimes')).toBe('u9-one')
    expect(await kafkaClusterId([await brokerOf(null)], 'crimes')).toBeNull()
  })

  it('is not to be had where nobody answers', async () => {
    await expect(kafkaClusterId(['127.0.0.1:1'], 'crimes')).rejects.toMatchObject({ code: 'BROKER_UNREACHABLE' })
  })
})
