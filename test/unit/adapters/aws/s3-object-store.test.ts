import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { S3ObjectStore } from '#adapters/aws/s3-object-store.ts'
import type { SluiceError } from '#core/errors.ts'
import { ManualClock } from '../../../support/manual-clock.ts'
import { s3Store } from '../../../support/s3-store.ts'
import { S3Stub, type WireFault } from '../../../support/s3-stub.ts'

const bytes = new TextEncoder().encode('0123456789')
const BIG = 1000
const big = Uint8Array.from({ length: 2500 }, (_, i) => i % 251)

const busy: WireFault = { kind: 'refuse', status: 503, code: 'SlowDown' }
const conflict: WireFault = { kind: 'refuse', status: 409, code: 'ConditionalRequestConflict' }
const broken: WireFault = { kind: 'refuse', status: 500, code: 'InternalError' }
const doneButBroken: WireFault = { kind: 'fail-after', status: 500, code: 'InternalError' }

let stub: S3Stub
beforeEach(async () => {
  stub = await S3Stub.start()
})
afterEach(() => stub.stop())

const store = (options: Parameters<typeof s3Store>[1] = {}) => s3Store(stub.endpoint, options)
/** Waits for answers as long as a test can afford. */
const impatient = () => store({ connection: { idleTimeout: 300 } })
const listed = async (prefix: string, s3 = store()): Promise<string[]> => {
  const paths: string[] = []
  for await (const { path } of s3.list(prefix)) paths.push(path)
  return paths
}
const methods = (): string[] => stub.requests.splice(0).map((request) => request.split(' ')[0]!)
const failure = async (call: Promise<unknown>): Promise<SluiceError> => {
  const error = await call.then(
    () => new Error('it succeeded'),
    (reason: unknown) => reason,
  )
  return error as SluiceError
}

describe('the endpoint', () => {
  afterEach(() => {
    vi.unstubAllEnvs()
  })

  it.each([
    [{ AWS_ENDPOINT_URL: 'stub' }],
    [{ AWS_ENDPOINT_URL: 'http://127.0.0.1:1', AWS_ENDPOINT_URL_S3: 'stub' }],
    [{ AWS_ENDPOINT_URL: '', AWS_ENDPOINT_URL_S3: 'stub' }],
  ])('is what the environment names: %j', async (environment) => {
    for (const [name, value] of Object.entries({
      ...environment,
      AWS_ACCESS_KEY_ID: 'a',
      AWS_SECRET_ACCESS_KEY: 'b',
    })) {
      vi.stubEnv(name, value === 'stub' ? stub.endpoint : value)
    }
    vi.stubEnv('AWS_REGION', undefined)
    const options = { clock: new ManualClock(), random: () => 0, ids: { next: () => 'id' } }
    await new S3ObjectStore({ bucket: 'lake', ...options }).put('a', bytes)
    expect(stub.objects.has('a')).toBe(true)
  })
})

describe('a request that S3 could not answer', () => {
  const passing: readonly (readonly [string, WireFault])[] = [
    ['503 SlowDown', busy],
    ['500', broken],
    ['429', { kind: 'refuse', status: 429, code: 'TooManyRequests' }],
    ['a connection that was cut', { kind: 'cut' }],
    ['a lost answer', { kind: 'lose' }],
    ['an answer that never comes', { kind: 'hang' }],
  ]

  it.each(passing)('is sent again: %s', async (_, fault) => {
    const s3 = fault.kind === 'hang' ? impatient() : store()
    await s3.put('a', bytes)
    stub
      .plan(/^PUT a/, fault)
      .plan(/^GET a/, fault)
      .plan(/^HEAD a/, fault)
      .plan(/list-type/, fault)
    stub.plan(/^DELETE a/, fault)
    await s3.put('a', bytes)
    expect(await s3.get('a')).toEqual(bytes)
    expect((await s3.head('a'))?.size).toBe(10)
    expect(await listed('', s3)).toEqual(['a'])
    await s3.delete('a')
    expect(stub.left).toBe(0)
    expect(stub.objects.size).toBe(0)
  })

  it('is sent again when S3 did not get all of it in time, or found the clock wrong', async () => {
    for (const code of ['RequestTimeout', 'RequestTimeTooSkewed']) {
      stub.plan(/^PUT a/, { kind: 'refuse', status: 400, code })
      await store().put('a', bytes)
    }
    expect(stub.left).toBe(0)
  })

  it('is sent again when only half of the object came', async () => {
    const s3 = store()
    await s3.put('a', bytes)
    stub.plan(/^GET a/, { kind: 'half' }, 2)
    expect(await s3.get('a')).toEqual(bytes)
    stub.plan(/^GET a/, { kind: 'half' })
    expect(await s3.get('a', { start: 2, end: 8 })).toEqual(bytes.subarray(2, 8))
    stub.plan(/list-type/, { kind: 'half' })
    expect(await listed('')).toEqual(['a'])
    expect(stub.left).toBe(0)
  })

  it('waits between the tries, up to twice as long each time, spread by the random source', async () => {
    for (const [random, pauses] of [
      [0.5, [50, 100, 200]],
      [0.25, [25, 50, 100]],
      [0, [0, 0, 0]],
    ] as const) {
      const clock = new ManualClock()
      stub.plan(/^PUT a/, busy, 3)
      await store({ clock, random: () => random }).put('a', bytes)
      expect(clock.sleeps).toEqual(pauses)
    }
  })

  it('fails as STORE_UNAVAILABLE, which may be tried again, after the last try', async () => {
    stub.plan(/^GET a/, busy, 6)
    expect(await failure(store().get('a'))).toMatchObject({
      code: 'STORE_UNAVAILABLE',
      retryable: true,
      message: `Expected S3 at ${stub.endpoint} to answer s3:GetObject on s3://lake/a, found 503 SlowDown in 6 tries. Trying again later may help.`,
    })
    expect(stub.requests).toHaveLength(6)
  })

  it('fails as STORE_UNAVAILABLE where nobody listens', async () => {
    const { endpoint } = stub
    await stub.stop()
    const error = await failure(s3Store(endpoint, { tries: 2 }).head('a'))
    stub = await S3Stub.start()
    expect(error).toMatchObject({
      code: 'STORE_UNAVAILABLE',
      retryable: true,
      message: `Expected S3 at ${endpoint} to answer s3:GetObject on s3://lake/a, found no answer (ECONNREFUSED) in 2 tries. Trying again later may help.`,
    })
  })

  it('is sent once when it will never succeed', async () => {
    stub.plan(/^PUT a/, { kind: 'refuse', status: 400, code: 'InvalidRequest' })
    expect(await failure(store().put('a', bytes))).toMatchObject({
      code: 'STORE_UNAVAILABLE',
      retryable: false,
      message: expect.stringMatching(
        /found 400 InvalidRequest in 1 try\. Look that code up in the S3 documentation\.$/,
      ),
    })
    expect(stub.requests).toHaveLength(1)
  })
})

describe('a create', () => {
  it('is one conditional PUT', async () => {
    expect(await store().create('log/1', bytes)).toBe(true)
    expect(methods()).toEqual(['PUT'])
    expect(await store().create('log/1', bytes)).toBe(false)
    expect(methods()).toEqual(['PUT'])
  })

  it.each([
    ['a conflict with another request (409)', conflict],
    ['throttling (503)', busy],
    ['a connection that was cut before it arrived', { kind: 'cut' } as const],
  ])('is sent again after %s', async (_, fault) => {
    stub.plan(/^PUT log/, fault, 3)
    expect(await store().create('log/1', bytes)).toBe(true)
    expect(methods()).toEqual(['PUT', 'PUT', 'PUT', 'PUT'])
  })

  it.each([
    ['whose answer was lost', { kind: 'lose' } as const],
    ['that was answered too late', { kind: 'hang' } as const],
    ['that succeeded behind an error 500', doneButBroken],
  ])('%s is known to be ours, though the next try finds the object there', async (_, fault) => {
    stub.plan(/^PUT log/, fault)
    expect(await (fault.kind === 'hang' ? impatient() : store()).create('log/1', bytes)).toBe(true)
    expect(methods().slice(0, 3)).toEqual(['PUT', 'PUT', 'HEAD'])
  })

  it('after a lost answer is not ours when somebody else has the object, whatever is in it', async () => {
    await store().create('log/1', bytes)
    stub.plan(/^PUT log/, { kind: 'cut' })
    expect(await store().create('log/1', bytes)).toBe(false)
    await store().put('log/2', bytes)
    stub.plan(/^PUT log/, { kind: 'lose' })
    expect(await store().create('log/2', bytes)).toBe(false)
  })

  it('asks again when the question whose it is was not answered either', async () => {
    stub.plan(/^PUT log/, { kind: 'lose' }).plan(/^HEAD log/, { kind: 'cut' }, 2)
    expect(await store().create('log/1', bytes)).toBe(true)
  })

  it('throws rather than say that it is somebody else’s when nobody can tell', async () => {
    stub.plan(/^PUT log/, { kind: 'lose' }).plan(/^HEAD log/, busy, 99)
    expect(await failure(store().create('log/1', bytes))).toMatchObject({ code: 'STORE_UNAVAILABLE', retryable: true })
    expect(stub.objects.has('log/1')).toBe(true)
  })

  it('throws after too many conflicts, and has made nothing', async () => {
    stub.plan(/^PUT log/, conflict, 6)
    expect(await failure(store().create('log/1', bytes))).toMatchObject({
      code: 'STORE_UNAVAILABLE',
      retryable: true,
      message: expect.stringContaining('found 409 ConditionalRequestConflict in 6 tries'),
    })
    expect(stub.objects.size).toBe(0)
  })

  it('has one winner of many that lose answers', async () => {
    stub
      .plan(/^PUT log/, { kind: 'lose' }, 8)
      .plan(/^PUT log/, conflict, 8)
      .plan(/^PUT log/, { kind: 'cut' }, 8)
    const won = await Promise.all(Array.from({ length: 32 }, () => store().create('log/1', bytes)))
    expect(won.filter(Boolean)).toHaveLength(1)
  })
})

describe('a body above the size of a part', () => {
  const inParts = () => store({ partSize: BIG })

  it('is sent in parts, and made by one request', async () => {
    const s3 = inParts()
    await s3.put('a', big)
    expect(methods()).toEqual(['POST', 'PUT', 'PUT', 'PUT', 'POST'])
    expect(await s3.get('a')).toEqual(big)
    await s3.put('b', big.subarray(0, BIG))
    expect(methods()).toEqual(['GET', 'PUT'])
  })

  it('sends a part again that failed, and that one only', async () => {
    stub.plan(/^PUT a.*partNumber=2/, { kind: 'cut' }).plan(/^PUT a.*partNumber=3/, busy)
    stub.plan(/^POST a\?uploads/, busy).plan(/^POST a\?uploadId/, busy)
    const s3 = inParts()
    await s3.put('a', big)
    expect(methods()).toEqual([...Array(2).fill('POST'), ...Array(5).fill('PUT'), 'POST', 'POST'])
    expect(await s3.get('a')).toEqual(big)
  })

  it('is created once, on a condition that is judged at the end', async () => {
    expect(await inParts().create('a', big)).toBe(true)
    expect(await inParts().create('a', big)).toBe(false)
    expect(stub.uploads.size).toBe(0)
  })

  it.each([
    ['whose answer was lost', { kind: 'lose' } as const],
    ['that succeeded behind an error 500', doneButBroken],
  ])('has an end %s: it is known to be ours', async (_, fault) => {
    stub.plan(/^POST a\?uploadId/, fault).plan(/^POST b\?uploadId/, fault)
    expect(await inParts().create('a', big)).toBe(true)
    await inParts().put('b', big)
    expect(await inParts().get('b')).toEqual(big)
    expect(stub.requests.filter((request) => request.startsWith('POST b?uploads'))).toHaveLength(1)
  })

  it('is uploaded anew after a conflict at its end, as S3 asks', async () => {
    stub.plan(/^POST a\?uploadId/, conflict)
    expect(await inParts().create('a', big)).toBe(true)
    expect(stub.requests.filter((request) => request.startsWith('POST a?uploads'))).toHaveLength(2)
    expect(stub.uploads.size).toBe(0)
  })

  it('is uploaded anew when S3 has forgotten its parts', async () => {
    stub.plan(/^POST a\?uploadId/, { kind: 'refuse', status: 404, code: 'NoSuchUpload' })
    expect(await inParts().create('a', big)).toBe(true)
    expect(await inParts().get('a')).toEqual(big)
  })

  it('leaves no parts behind when it fails', async () => {
    stub.plan(/^PUT a.*partNumber=2/, { kind: 'refuse', status: 403, code: 'AccessDenied' })
    expect(await failure(inParts().put('a', big))).toMatchObject({ code: 'STORE_ACCESS_DENIED' })
    expect(stub.uploads.size).toBe(0)
    expect(stub.objects.size).toBe(0)
  })
})

describe('a refusal says what to do', () => {
  const refused = async (status: number, code: string, extra?: string): Promise<SluiceError> => {
    stub.plan(/^PUT a/, { kind: 'refuse', status, code, ...(extra === undefined ? {} : { extra }) })
    return failure(store().put('a', bytes))
  }

  it('where there is no such bucket', async () => {
    const error = await failure(store({ bucket: 'lakes' }).get('a'))
    expect(error).toMatchObject({
      code: 'STORE_BUCKET_NOT_FOUND',
      retryable: false,
      message: `Expected an S3 bucket lakes at ${stub.endpoint}, found none. Check the name and the account, or create it.`,
    })
  })

  it('where access is denied', async () => {
    expect(await refused(403, 'AccessDenied')).toMatchObject({
      code: 'STORE_ACCESS_DENIED',
      retryable: false,
      message: `Expected to be allowed s3:PutObject on s3://lake/a, but S3 at ${stub.endpoint} denied it (AccessDenied). Allow it in the role's policy and the bucket's; without s3:ListBucket S3 denies what isn't there, too.`,
    })
  })

  it.each(['InvalidAccessKeyId', 'SignatureDoesNotMatch', 'ExpiredToken'])(
    'where credentials are not valid (%s), and passes no part of them on',
    async (code) => {
      const told =
        '<AWSAccessKeyId>key-of-nobody</AWSAccessKeyId><StringToSign>secret-of-nobody</StringToSign><SignatureProvided>abc</SignatureProvided>'
      const error = await refused(403, code, told)
      expect(error).toMatchObject({
        code: 'STORE_CREDENTIALS_INVALID',
        message: `Expected valid AWS credentials for s3://lake/a, but S3 at ${stub.endpoint} refused them (${code}). Renew or correct them; temporary ones need AWS_SESSION_TOKEN too.`,
      })
      const everything = JSON.stringify([error, error.stack, error.details, Object.entries(error.cause as object)])
      expect(everything).not.toMatch(/of-nobody|abc/)
    },
  )

  it('where the bucket is in another region', async () => {
    expect(await refused(301, 'PermanentRedirect')).toMatchObject({
      code: 'STORE_REGION_WRONG',
      message:
        "Expected bucket lake in the region that was asked, but it is in another one. Set AWS_REGION to the bucket's.",
    })
    const told = '<Region>eu-west-1</Region>'
    expect(await refused(400, 'AuthorizationHeaderMalformed', told)).toMatchObject({
      code: 'STORE_REGION_WRONG',
      message: 'Expected bucket lake in the region that was asked, but it is in eu-west-1. Set AWS_REGION=eu-west-1.',
    })
  })

  it('where there are no credentials, and no region', async () => {
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_PROFILE', 'AWS_REGION']) {
      vi.stubEnv(name, undefined)
    }
    for (const name of ['AWS_SHARED_CREDENTIALS_FILE', 'AWS_CONFIG_FILE']) vi.stubEnv(name, '/nowhere')
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true')
    const options = { bucket: 'lake', clock: new ManualClock(), random: () => 0, ids: { next: () => 'id' } }
    const nobody = new S3ObjectStore({ ...options, connection: { endpoint: stub.endpoint } })
    expect(await failure(nobody.put('a', bytes))).toMatchObject({
      code: 'STORE_CREDENTIALS_INVALID',
      message:
        'Expected AWS credentials for s3://lake/a, found none. Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run where a role gives them.',
    })
    const nowhere = new S3ObjectStore({
      ...options,
      connection: { credentials: { accessKeyId: 'a', secretAccessKey: 'b' } },
    })
    expect(await failure(nowhere.put('a', bytes))).toMatchObject({
      code: 'STORE_REGION_WRONG',
      message: "Expected an AWS region for s3://lake/a, found none. Set AWS_REGION to the bucket's.",
    })
    expect(stub.requests).toEqual([])
    vi.unstubAllEnvs()
  })

  it('where the name is too long', async () => {
    const path = 'é'.repeat(600)
    stub.plan(/^PUT/, { kind: 'refuse', status: 400, code: 'KeyTooLongError' })
    expect(await failure(store().put(path, bytes))).toMatchObject({
      code: 'NAME_INVALID',
      message: `Expected an object name of at most 1,024 bytes, found one of 1200: s3://lake/${path}. Choose a shorter path.`,
    })
  })

  it('where the bucket is of a kind that can not hold a log', () => {
    expect(() => store({ bucket: 'fast--use1-az4--x-s3' })).toThrowError(
      'Expected a general-purpose S3 bucket, found the directory bucket fast--use1-az4--x-s3: its LIST is in no order and takes no start. Choose another bucket.',
    )
  })
})
