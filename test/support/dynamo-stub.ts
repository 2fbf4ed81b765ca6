import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/**
 * What happens to a request:
 * `refuse`: this error, no effect; `lose`: it has its effect, and the connection is cut instead of an answer; `cut`: the connection is cut
 * before it has an effect; `half`: half of the answer's body, then the connection is cut; `hang`: it has its effect, no answer ever
 * comes; `fail-after`: it has its effect, the answer is this error; `then`: it has its effect, then this happens, and the connection is
 * cut.
 */
export type DynamoWireFault =
  | { readonly kind: 'refuse' | 'fail-after'; readonly status: number; readonly code: string; readonly extra?: object }
  | { readonly kind: 'lose' | 'cut' | 'half' | 'hang' }
  | { readonly kind: 'then'; readonly act: () => Promise<unknown> }

interface Answer {
  readonly status: number
  readonly body: string
}

/** What is behind the wire: DynamoDB Local, or a table in memory. */
export type DynamoBackend = (operation: string, body: string, request: IncomingMessage) => Promise<Answer>

/** Hands every request on to a DynamoDB service. */
export function forwardTo(endpoint: string): DynamoBackend {
  return async (_, body, request) => {
    const headers: Record<string, string> = {}
    for (const name of ['authorization', 'content-type', 'x-amz-date', 'x-amz-target', 'x-amz-security-token']) {
      const value = request.headers[name]
      if (typeof value === 'string') headers[name] = value
    }
    const answer = await fetch(endpoint, { method: 'POST', headers, body })
    return { status: answer.status, body: await answer.text() }
  }
}

const THROTTLED = {
  ThrottlingReasons: [{ reason: 'TableWriteKeyRangeThroughputExceeded', resource: 'arn:aws:dynamodb:table' }],
}

/** What may happen to a request by chance. */
const CHANCES: readonly DynamoWireFault[] = [
  { kind: 'refuse', status: 400, code: 'ProvisionedThroughputExceededException', extra: THROTTLED },
  { kind: 'refuse', status: 400, code: 'ThrottlingException' },
  { kind: 'refuse', status: 500, code: 'InternalServerError' },
  { kind: 'fail-after', status: 500, code: 'InternalServerError' },
  { kind: 'lose' },
  { kind: 'cut' },
  { kind: 'half' },
]

/** Speaks DynamoDB's protocol on a loopback port: answers as what is behind it does, or as planned. */
export class DynamoWire {
  /** Operations since the last reset: `PutItem`, `Query`. */
  readonly operations: string[] = []
  private readonly planned: { readonly operation: string; readonly fault: DynamoWireFault }[] = []
  private readonly backend: DynamoBackend
  private readonly server = createServer((request, response) => void this.serve(request, response))
  private rate = 0
  private dice: () => number = () => 1

  private constructor(backend: DynamoBackend) {
    this.backend = backend
  }

  static async start(backend: DynamoBackend): Promise<DynamoWire> {
    const wire = new DynamoWire(backend)
    await new Promise<void>((resolve) => wire.server.listen(0, '127.0.0.1', resolve))
    return wire
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`
  }

  /** Faults that nobody ran into. */
  get left(): number {
    return this.planned.length
  }

  /** The next `times` requests of the operation go wrong. */
  plan(operation: string, fault: DynamoWireFault, times = 1): this {
    for (let i = 0; i < times; i++) this.planned.push({ operation, fault })
    return this
  }

  /** From now on requests go wrong with this probability; `dice` gives numbers in [0, 1). */
  byChance(rate: number, dice: () => number): this {
    this.rate = rate
    this.dice = dice
    return this
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections()
    await new Promise((resolve) => this.server.close(resolve))
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const operation = String(request.headers['x-amz-target']).split('.').at(-1)!
    this.operations.push(operation)
    const fault = this.take(operation)
    if (fault?.kind === 'cut') return void request.socket.destroy()
    if (fault?.kind === 'refuse') return send(response, failed(fault.status, fault.code, fault.extra))
    const answer = await this.backend(operation, Buffer.concat(chunks).toString(), request)
    if (fault?.kind === 'hang') return
    if (fault?.kind === 'then') await fault.act()
    if (fault?.kind === 'lose' || fault?.kind === 'then') return void request.socket.destroy()
    if (fault?.kind === 'fail-after') return send(response, failed(fault.status, fault.code, fault.extra))
    if (fault?.kind === 'half') return sendHalf(response, answer)
    send(response, answer)
  }

  private take(operation: string): DynamoWireFault | undefined {
    const at = this.planned.findIndex((planned) => planned.operation === operation)
    if (at >= 0) return this.planned.splice(at, 1)[0]!.fault
    if (this.rate === 0 || this.dice() >= this.rate) return undefined
    return CHANCES[Math.floor(this.dice() * CHANCES.length)]
  }
}

export function failed(status: number, code: string, extra: object = {}): Answer {
  return {
    status,
    body: JSON.stringify({ __type: `com.amazonaws.dynamodb.v20120810#${code}`, message: 'stub', ...extra }),
  }
}

const HEADERS = { 'content-type': 'application/x-amz-json-1.0' }

function send(response: ServerResponse, { status, body }: Answer): void {
  response.writeHead(status, { ...HEADERS, 'content-length': String(Buffer.byteLength(body)) })
  response.end(body)
}

function sendHalf(response: ServerResponse, { status, body }: Answer): void {
  const bytes = Buffer.from(body)
  response.writeHead(status, { ...HEADERS, 'content-length': String(bytes.length) })
  response.write(bytes.subarray(0, bytes.length >> 1), () => response.socket?.destroy())
}
