import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  type DataFolder,
  type DataFolderOptions,
  type FolderPipeline,
  inspectDataFolder,
  openDataFolder,
} from '#local/data-folder.ts'
import { diskError } from '#local/data-folder-error.ts'
import type { FolderTopic } from '#local/data-folder-topic.ts'
import { ManualClock } from '../../contract/record-source-builders.ts'
import { temporaryFolder } from '../../support/temp.ts'

const clock = new ManualClock(1_700_000_000_000)
const topic = { kind: 'embedded', name: 'crimes' } as const
const crimes: FolderPipeline = { name: 'crimes', fingerprint: 'aaaa', shape: { windows: ['60 minutes'] }, topic }
const moduleUrl = JSON.stringify(new URL('../../../lib/local/data-folder.ts', import.meta.url).href)

function open(path: string, pipeline = crimes, options: Partial<DataFolderOptions> = {}): DataFolder {
  const folder = openDataFolder(path, pipeline, { clock, ...options })
  onTestFinished(() => folder.release())
  return folder
}

const errorOf = (run: () => unknown): unknown => {
  try {
    run()
  } catch (error) {
    return error
  }
  throw new Error('expected an error')
}

/** Program that opens the folder and says so, or says why not. */
const opener = (path: string, then: string): string => `
  import(${moduleUrl}).then(({ openDataFolder }) => {
    const clock = { now: () => 0, sleep: async () => {} }
    try {
      openDataFolder(${JSON.stringify(path)}, ${JSON.stringify(crimes)}, { clock })
      console.log('opened')
      ${then}
    } catch (error) { console.log(error.code) }
  })
`

describe('A data folder', () => {
  it('is created with all above it, and tells where things are', () => {
    const path = join(temporaryFolder(), 'a', 'b')
    const folder = open(path)
    expect(folder).toMatchObject({
      path,
      lake: join(path, 'lake'),
      topics: join(path, 'topic'),
      state: join(path, 'state.sqlite'),
      postgres: join(path, 'postgres'),
    })
    expect(readdirSync(path).sort()).toEqual(['lake', 'lock', 'lock.pid', 'sluice.json', 'topic'])
    expect(JSON.parse(readFileSync(join(path, 'sluice.json'), 'utf8'))).toEqual({
      formatVersion: 2,
      pipeline: 'crimes',
      fingerprint: 'aaaa',
      shape: { windows: ['60 minutes'] },
      topic: { kind: 'embedded', name: 'crimes' },
      created: 1_700_000_000_000,
    })
  })

  it('opens again for the same pipeline, unchanged', () => {
    const path = temporaryFolder()
    open(path).release()
    const before = readFileSync(join(path, 'sluice.json'), 'utf8')
    clock.advance(1_000)
    open(path)
    expect(readFileSync(join(path, 'sluice.json'), 'utf8')).toBe(before)
  })

  it('belongs to one pipeline', () => {
    const path = temporaryFolder()
    open(path).release()
    expect(errorOf(() => open(path, { ...crimes, name: 'market' }))).toMatchObject({
      code: 'WINDOW_STATE_MISMATCH',
      message:
        `Expected data folder ${path} to hold pipeline "market", found pipeline "crimes". ` +
        'Choose another --data folder for "market".',
    })
    open(path)
  })

  it('belongs to one definition, and says what changed', () => {
    const path = temporaryFolder()
    open(path).release()
    const changed = { ...crimes, fingerprint: 'bbbb', shape: { windows: ['30 minutes'] } }
    const describeChange = (stored: unknown, now: unknown): string[] => [
      `${JSON.stringify(stored)} became ${JSON.stringify(now)}`,
    ]
    expect(errorOf(() => open(path, changed, { describeChange }))).toMatchObject({
      code: 'WINDOW_STATE_MISMATCH',
      message: [
        `Expected data folder ${path} to hold the state of this definition of "crimes", found that of another one. What changed:`,
        '  - {"windows":["60 minutes"]} became {"windows":["30 minutes"]}',
        ' Build its tables anew beside the old ones (sluice rebuild crimes), choose another --data folder, or go back to the old definition.',
      ].join('\n'),
    })
    expect(errorOf(() => open(path, changed))).toMatchObject({
      message: expect.stringContaining('found that of another one. Build its tables anew'),
    })
  })

  it.each([1, 3])('of format %i is refused, to look in too', (format) => {
    const path = temporaryFolder()
    open(path).release()
    const file = join(path, 'sluice.json')
    writeFileSync(file, readFileSync(file, 'utf8').replace('"formatVersion": 2', `"formatVersion": ${format}`))
    const expected = {
      code: 'WINDOW_STATE_MISMATCH',
      message:
        `Expected data folder ${path} to hold format 2, found format ${format}. ` +
        'Use the release of Sluice that wrote it, or choose another --data folder.',
    }
    expect(errorOf(() => open(path))).toMatchObject(expected)
    expect(errorOf(() => inspectDataFolder(path))).toMatchObject(expected)
  })

  describe('that has read a topic', () => {
    const used = (topic: FolderTopic): string => {
      const path = temporaryFolder()
      const { state, release } = open(path, { ...crimes, topic })
      writeFileSync(state, 'x')
      release()
      return path
    }
    const kafka = { kind: 'kafka', name: 'crimes' } as const

    it('goes on with that topic', () => {
      const path = used(kafka)
      open(path, { ...crimes, topic: kafka })
      expect(inspectDataFolder(path).pipeline.topic).toEqual(kafka)
    })

    it.each<[string, FolderTopic, FolderTopic, string, string, string]>([
      [
        'name',
        kafka,
        { kind: 'kafka', name: 'a' },
        'on a Kafka broker',
        'topic a on a Kafka broker',
        'Give --topic crimes',
      ],
      ['place', topic, kafka, 'in the folder itself', 'topic crimes on a Kafka broker', 'Leave KAFKA_BROKERS out'],
      ['place', kafka, topic, 'on a Kafka broker', 'topic crimes in the folder itself', 'Set KAFKA_BROKERS'],
    ])('is refused one of another %s', (_, stored, now, was, is, remedy) => {
      const path = used(stored)
      const expected = {
        code: 'TOPIC_MISMATCH',
        message:
          `Expected topic crimes ${was}, which data folder ${path} has read so far, found ${is}: ` +
          `its offsets are those of other records. ${remedy}, or choose another --data folder.`,
      }
      expect(errorOf(() => open(path, { ...crimes, topic: now }))).toMatchObject(expected)
      expect(errorOf(() => open(path, { ...crimes, topic: now }, { readonly: true }))).toMatchObject(expected)
      open(path, { ...crimes, topic: stored })
    })

    it('is refused one of the same name in another Kafka cluster', () => {
      const path = used(kafka)
      const folder = open(path, { ...crimes, topic: kafka })
      folder.acceptCluster('one')
      folder.acceptCluster('one')
      expect(errorOf(() => folder.acceptCluster('two'))).toMatchObject({
        code: 'TOPIC_MISMATCH',
        message:
          `Expected topic crimes on the Kafka cluster one, which data folder ${path} has read so far, ` +
          'found topic crimes on the Kafka cluster two: its offsets are those of other records. ' +
          'Name a broker of that cluster in KAFKA_BROKERS, or choose another --data folder.',
      })
      folder.release()
      open(path, { ...crimes, topic: kafka })
      expect(inspectDataFolder(path).pipeline.topic).toEqual({ ...kafka, cluster: 'one' })
    })

    it('may have another one as long as nothing has run', () => {
      const path = temporaryFolder()
      open(path, { ...crimes, topic: kafka }).release()
      open(path).release()
      expect(inspectDataFolder(path).pipeline).toMatchObject({ topic, created: 1_700_000_001_000 })
    })
  })

  it('with a manifest cut off anywhere is corrupt', () => {
    const path = temporaryFolder()
    open(path).release()
    const file = join(path, 'sluice.json')
    for (let size = readFileSync(file).length - 3; size >= 0; size -= 7) {
      truncateSync(file, size)
      expect(errorOf(() => open(path))).toMatchObject({
        code: 'STATE_CORRUPT',
        message:
          `Expected the manifest of a data folder at ${file}, found a damaged or truncated one. ` +
          'Restore the data folder from a copy, or delete it and rebuild it from its inputs.',
      })
    }
  })

  it('with state but without its manifest is corrupt', () => {
    const path = temporaryFolder()
    const { state, release } = open(path)
    writeFileSync(state, 'x')
    release()
    rmSync(join(path, 'sluice.json'))
    expect(errorOf(() => open(path))).toMatchObject({
      code: 'STATE_CORRUPT',
      message: expect.stringContaining('found none, beside stored state'),
    })
  })

  it('is no file', () => {
    const path = join(temporaryFolder(), 'file')
    writeFileSync(path, '')
    const expected = {
      code: 'DATA_FOLDER_NOT_FOUND',
      message: `Expected a data folder at ${path}, found a file in its place. Name another one with --data, or run the pipeline first.`,
    }
    expect(errorOf(() => open(path))).toMatchObject(expected)
    expect(errorOf(() => open(path, crimes, { readonly: true }))).toMatchObject(expected)
    expect(errorOf(() => open(join(path, 'below')))).toMatchObject({ code: 'DATA_FOLDER_NOT_FOUND' })
  })
})

describe('Opened for reading, a data folder', () => {
  it('takes no lock and writes nothing', () => {
    const path = temporaryFolder()
    const writer = open(path)
    const before = readdirSync(path)
    const [one, two] = [open(path, crimes, { readonly: true }), open(path, crimes, { readonly: true })]
    expect([one.path, two.lake]).toEqual([path, writer.lake])
    expect(readdirSync(path)).toEqual(before)
    one.release()
    expect(errorOf(() => open(path))).toMatchObject({ code: 'DATA_FOLDER_IN_USE' })
  })

  it('must be there', () => {
    const path = join(temporaryFolder(), 'missing')
    expect(errorOf(() => open(path, crimes, { readonly: true }))).toMatchObject({
      code: 'DATA_FOLDER_NOT_FOUND',
      message: `Expected a data folder at ${path}, found none. Name another one with --data, or run the pipeline first.`,
    })
    expect(existsSync(path)).toBe(false)
    mkdirSync(path)
    expect(errorOf(() => open(path, crimes, { readonly: true }))).toMatchObject({
      code: 'DATA_FOLDER_NOT_FOUND',
      message: expect.stringContaining('found one without sluice.json'),
    })
  })

  it('must belong to the pipeline', () => {
    const path = temporaryFolder()
    open(path).release()
    const other = { ...crimes, fingerprint: 'bbbb' }
    expect(errorOf(() => open(path, other, { readonly: true }))).toMatchObject({ code: 'WINDOW_STATE_MISMATCH' })
  })
})

describe('The lock of a data folder', () => {
  it('keeps out a second opener in this process, until it is released', () => {
    const path = temporaryFolder()
    const first = open(path)
    expect(errorOf(() => open(path))).toMatchObject({
      code: 'DATA_FOLDER_IN_USE',
      message:
        `Expected data folder ${path} to be free, but process ${process.pid} has it open. ` +
        'Stop that one first, or choose another --data folder.',
    })
    first.release()
    first.release()
    open(path)
  })

  it('is let go when opening fails', () => {
    const path = temporaryFolder()
    open(path).release()
    errorOf(() => open(path, { ...crimes, name: 'market' }))
    open(path)
  })

  it('keeps out other processes, and ends with its process, also when that is killed', async () => {
    const path = temporaryFolder()
    const child = spawn(process.execPath, ['-e', opener(path, 'setInterval(() => {}, 1000)')])
    const exited = once(child, 'exit')
    expect(String((await once(child.stdout, 'data'))[0])).toBe('opened\n')
    expect(errorOf(() => open(path))).toMatchObject({
      code: 'DATA_FOLDER_IN_USE',
      message: expect.stringContaining(`process ${child.pid} has it open`),
      details: { pid: child.pid },
    })
    child.kill('SIGKILL')
    await exited
    open(path)
    expect(readFileSync(join(path, 'lock.pid'), 'utf8')).toBe(String(process.pid))
  })
})

describe('Where nothing can be written, a data folder', () => {
  // Root may write everywhere: there the opener runs as nobody.
  const root = process.getuid?.() === 0
  const openedByNobody = (path: string): string => {
    const result = spawnSync(process.execPath, ['-e', opener(path, 'process.exit()')], {
      encoding: 'utf8',
      ...(root ? { uid: 65_534, gid: 65_534 } : {}),
    })
    return `${result.stdout}${result.stderr}`
  }
  const readable = openedByNobody('/dev/null').includes('DATA_FOLDER_NOT_FOUND')

  it.skipIf(!readable)('is refused: new, empty or used before', () => {
    const parent = temporaryFolder()
    const path = join(parent, 'data')
    open(path).release()
    mkdirSync(join(parent, 'empty'))
    for (const folder of [parent, path, join(parent, 'empty')]) chmodSync(folder, 0o555)
    for (const file of ['lock', 'sluice.json']) chmodSync(join(path, file), 0o444)
    onTestFinished(() => {
      for (const folder of [parent, path]) chmodSync(folder, 0o755)
    })
    expect(openedByNobody(join(parent, 'new'))).toBe('DATA_FOLDER_READ_ONLY\n')
    expect(openedByNobody(join(parent, 'empty'))).toBe('DATA_FOLDER_READ_ONLY\n')
    expect(openedByNobody(path)).toBe('DATA_FOLDER_READ_ONLY\n')
  })

  it.each([
    ['ENOSPC', 'DISK_FULL', 'needs room on the disk, but none is left (ENOSPC)'],
    ['EDQUOT', 'DISK_FULL', 'needs room on the disk, but none is left (EDQUOT)'],
    ['EROFS', 'DATA_FOLDER_READ_ONLY', 'must be writable, but the system refuses it (EROFS)'],
    ['EACCES', 'DATA_FOLDER_READ_ONLY', 'must be writable, but the system refuses it (EACCES)'],
  ])('names %s as %s', (system, code, message) => {
    const cause = Object.assign(new Error(system), { code: system })
    expect(diskError(cause, '/data')).toMatchObject({
      code,
      message: expect.stringContaining(`/data ${message}`),
      cause,
    })
  })

  it('leaves other errors as they are', () => {
    const error = new Error('other')
    expect(diskError(error, '/data')).toBe(error)
  })
})
