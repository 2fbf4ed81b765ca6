import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/**
 * What happens to a request:
 * `refuse`: this error, no effect; `lose`: it has its effect, and the connection is cut instead of an answer; `cut`: the connection
 * is cut before it has an effect; `half`: half of the answer's body, then the connection is cut; `hang`: it has its effect, no answer
 * ever comes; `fail-after`: it has its effect, the answer is this error.
 */
export type WireFault =
  | { readonly kind: 'refuse' | 'fail-after'; readonly status: number; readonly code: string; readonly extra?: string }
  | { readonly kind: 'lose' | 'cut' | 'half' | 'hang' }

interface PlannedFault {
  readonly request: RegExp
  readonly fault: WireFault
}

interface StoredObject {
  readonly bytes: Buffer
  readonly mark: string | undefined
  readonly modified: Date
}

interface Upload {
  readonly key: string
  readonly mark: string | undefined
  readonly parts: Map<number, Buffer>
}

interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Buffer
}

/** What may happen to a request by chance; the first to a PUT only. */
const CHANCES: readonly WireFault[] = [
  { kind: 'refuse', status: 409, code: 'ConditionalRequestConflict' },
  { kind: 'refuse', status: 503, code: 'SlowDown' },
  { kind: 'fail-after', status: 500, code: 'InternalError' },
  { kind: 'lose' },
  { kind: 'cut' },
  { kind: 'half' },
]

const PAGE = 1000
const MARK = 'x-amz-meta-sluice-create'

/** One bucket, spoken to as S3 is, on a loopback port: answers well, or as planned. */
export class S3Stub {
  /** Requests since the last reset: `PUT a/b`, `GET ?list-type=2…`. */
  readonly requests: string[] = []
  readonly objects = new Map<string, StoredObject>()
  readonly uploads = new Map<string, Upload>()
  private readonly planned: PlannedFault[] = []
  private readonly bucket: string
  private readonly server = createServer((request, response) => void this.serve(request, response))
  private uploaded = 0
  private rate = 0
  private dice: () => number = () => 1

  private constructor(bucket: string) {
    this.bucket = bucket
  }

  static async start(bucket = 'lake'): Promise<S3Stub> {
    const stub = new S3Stub(bucket)
    await new Promise<void>((resolve) => stub.server.listen(0, '127.0.0.1', resolve))
    return stub
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`
  }

  /** Faults that nobody ran into. */
  get left(): number {
    return this.planned.length
  }

  /** The next `times` requests (as in `requests`) that match go wrong. */
  plan(request: RegExp, fault: WireFault, times = 1): this {
    for (let i = 0; i < times; i++) this.planned.push({ request, fault })
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
    const url = new URL(request.url ?? '/', this.endpoint)
    const [, bucket = '', ...rest] = url.pathname.split('/')
    const key = decodeURIComponent(rest.join('/'))
    const text = `${request.method} ${key}${url.search}`
    this.requests.push(text)
    const fault = this.take(text)
    if (fault?.kind === 'cut') return void request.socket.destroy()
    if (fault?.kind === 'refuse') return send(response, errorAnswer(fault.status, fault.code, fault.extra), request)
    const answer =
      bucket === this.bucket
        ? this.answer(request, key, url.searchParams, Buffer.concat(chunks))
        : errorAnswer(404, 'NoSuchBucket')
    if (fault?.kind === 'hang') return
    if (fault?.kind === 'lose') return void request.socket.destroy()
    if (fault?.kind === 'half') return sendHalf(response, answer)
    if (fault?.kind === 'fail-after') return send(response, errorAnswer(fault.status, fault.code), request)
    send(response, answer, request)
  }

  private take(text: string): WireFault | undefined {
    const at = this.planned.findIndex((planned) => planned.request.test(text))
    if (at >= 0) return this.planned.splice(at, 1)[0]!.fault
    if (this.rate === 0 || this.dice() >= this.rate) return undefined
    const chances = text.startsWith('PUT') ? CHANCES : CHANCES.slice(1)
    return chances[Math.floor(this.dice() * chances.length)]
  }

  private answer(request: IncomingMessage, key: string, query: URLSearchParams, body: Buffer): Answer {
    const { method, headers } = request
    if (method === 'GET' && key === '') return this.list(query)
    if (method === 'GET' || method === 'HEAD') return this.read(key, headers.range)
    if (method === 'POST' && query.has('uploads')) return this.begin(key, headers[MARK])
    if (query.has('uploadId')) return this.multipart(request, key, query, body)
    if (method === 'DELETE') {
      this.objects.delete(key)
      return { status: 204 }
    }
    return this.store(key, body, headers[MARK], headers['if-none-match'])
  }

  private store(key: string, bytes: Buffer, mark: unknown, condition: string | undefined): Answer {
    if (condition === '*' && this.objects.has(key)) return errorAnswer(412, 'PreconditionFailed')
    this.objects.set(key, { bytes, mark: typeof mark === 'string' ? mark : undefined, modified: new Date() })
    return { status: 200, headers: { etag: '"e"' } }
  }

  private read(key: string, range: string | undefined): Answer {
    const object = this.objects.get(key)
    if (object === undefined) return errorAnswer(404, 'NoSuchKey')
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(range ?? '') ?? []
    if (from !== undefined && Number(from) >= object.bytes.length) return errorAnswer(416, 'InvalidRange')
    const body = from === undefined ? object.bytes : object.bytes.subarray(Number(from), Number(to) + 1)
    const headers: Record<string, string> = { 'last-modified': object.modified.toUTCString() }
    if (object.mark !== undefined) headers[MARK] = object.mark
    return { status: from === undefined ? 200 : 206, headers, body }
  }

  private list(query: URLSearchParams): Answer {
    const prefix = query.get('prefix') ?? ''
    const after = Buffer.from(query.get('continuation-token') ?? query.get('start-after') ?? '')
    const keys = [...this.objects.keys()]
      .filter((key) => key.startsWith(prefix))
      .map((key) => Buffer.from(key))
      .filter((key) => Buffer.compare(key, after) > 0)
      .sort(Buffer.compare)
      .map(String)
    const page = keys.slice(0, PAGE)
    const contents = page.map((key) => {
      const { bytes, modified } = this.objects.get(key)!
      // As S3 does it: a space becomes a plus.
      const encoded = encodeURIComponent(key).replaceAll('%20', '+').replaceAll('%2F', '/')
      return `<Contents><Key>${encoded}</Key><LastModified>${modified.toISOString()}</LastModified><Size>${bytes.length}</Size></Contents>`
    })
    const more = keys.length > PAGE
    return xml(
      `<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>${more}</IsTruncated>${
        more ? `<NextContinuationToken>${escapeXml(page.at(-1)!)}</NextContinuationToken>` : ''
      }${contents.join('')}</ListBucketResult>`,
    )
  }

  private begin(key: string, mark: unknown): Answer {
    const id = `upload-${this.uploaded++}`
    this.uploads.set(id, { key, mark: typeof mark === 'string' ? mark : undefined, parts: new Map() })
    return xml(`<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`)
  }

  private multipart(request: IncomingMessage, key: string, query: URLSearchParams, body: Buffer): Answer {
    const id = query.get('uploadId') ?? ''
    const upload = this.uploads.get(id)
    if (upload === undefined) return errorAnswer(404, 'NoSuchUpload')
    if (request.method === 'DELETE') {
      this.uploads.delete(id)
      return { status: 204 }
    }
    if (request.method === 'PUT') {
      const number = Number(query.get('partNumber'))
      upload.parts.set(number, body)
      const checksum = String(request.headers['x-amz-checksum-crc32'] ?? '')
      return { status: 200, headers: { etag: `"part-${number}"`, 'x-amz-checksum-crc32': checksum } }
    }
    // As S3 does with an upload that was begun with checksums.
    const checksums = body.toString().match(/<ChecksumCRC32>[^<]+</g)?.length ?? 0
    if (checksums !== upload.parts.size) return errorAnswer(400, 'InvalidRequest')
    const numbers = [...body.toString().matchAll(/<PartNumber>(\d+)</g)].map(([, number]) => Number(number))
    const bytes = Buffer.concat(numbers.map((number) => upload.parts.get(number)!))
    const stored = this.store(key, bytes, upload.mark, request.headers['if-none-match'])
    if (stored.status !== 200) return stored
    this.uploads.delete(id)
    return xml('<CompleteMultipartUploadResult><ETag>"e"</ETag></CompleteMultipartUploadResult>')
  }
}

const escapeXml = (text: string): string => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)

function xml(body: string): Answer {
  const text = `<?xml version="1.0" encoding="UTF-8"?>${body}`
  return { status: 200, headers: { 'content-type': 'application/xml' }, body: Buffer.from(text) }
}

function errorAnswer(status: number, code: string, extra = ''): Answer {
  return { ...xml(`<Error><Code>${code}</Code><Message>stub</Message>${extra}</Error>`), status }
}

function send(response: ServerResponse, { status, headers, body }: Answer, request: IncomingMessage): void {
  const length = status === 204 ? {} : { 'content-length': String(body?.length ?? 0) }
  response.writeHead(status, { ...headers, ...length })
  response.end(request.method === 'HEAD' ? undefined : body)
}

function sendHalf(response: ServerResponse, { status, headers, body = Buffer.alloc(0) }: Answer): void {
  if (body.length < 2) return void response.socket?.destroy()
  response.writeHead(status, { ...headers, 'content-length': String(body.length) })
  response.write(body.subarray(0, body.length >> 1), () => response.socket?.destroy())
}
