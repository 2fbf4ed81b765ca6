import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { StructType } from 'sluice/delta'
import { type PlainRow, sorted } from './plain-values.ts'

/** A Spark that the environment names. */
export interface SparkInstallation {
  readonly name: string
  /** Python with pyspark; undefined when there is none. */
  readonly python: string | undefined
  readonly jars: string
}

export const SPARK_4: SparkInstallation = {
  name: 'Spark 4.2 (SPARK_PYTHON, SPARK_JARS)',
  python: process.env['SPARK_PYTHON'],
  jars: process.env['SPARK_JARS'] ?? '',
}

/** `scripts/spark-3.5` installs it. */
export const SPARK_3: SparkInstallation = {
  name: 'Spark 3.5 (SPARK35_PYTHON, SPARK35_JARS)',
  python: process.env['SPARK35_PYTHON'],
  jars: process.env['SPARK35_JARS'] ?? '',
}

const PROGRAM = fileURLToPath(new URL('./spark_session.py', import.meta.url))

type Answer =
  | { readonly rows: readonly (readonly unknown[])[] }
  | { readonly error: string }
  | { readonly version: string }

/** One session of Spark, a process of its own, for as long as the tests of a file need it: it takes longer to start than to read. */
export class SparkSession {
  private readonly child: ChildProcess
  private readonly waiting: ((answer: Answer) => void)[] = []
  private said = ''

  private constructor(installation: SparkInstallation, folder: string, options: SparkOptions) {
    const jars = [installation.jars, ...(options.jars ?? [])].join(',')
    this.child = spawn(installation.python!, [PROGRAM, jars, folder], {
      cwd: folder,
      env: { ...process.env, TZ: 'UTC', SPARK_SETTINGS: JSON.stringify(options.settings ?? {}) },
    })
    this.child.stderr!.on('data', (chunk: Buffer) => {
      this.said = (this.said + chunk.toString()).slice(-4_000)
    })
    createInterface(this.child.stdout!).on('line', (line) => {
      if (line.startsWith('@')) this.waiting.shift()?.(JSON.parse(line.slice(1)) as Answer)
    })
    this.child.once('close', (code) => {
      for (const answer of this.waiting.splice(0)) answer({ error: `Spark ended with ${code}: ${this.said}` })
    })
  }

  static async start(
    installation: SparkInstallation,
    folder: string,
    options: SparkOptions = {},
  ): Promise<SparkSession> {
    const session = new SparkSession(installation, folder, options)
    const first = await session.next()
    if (!('version' in first)) throw new Error('error' in first ? first.error : 'Spark said something else first')
    return session
  }

  /** @throws Error with what Spark said */
  async sql(sql: string): Promise<readonly (readonly unknown[])[]> {
    const answered = this.next()
    this.child.stdin!.write(`${JSON.stringify({ sql })}\n`)
    const answer = await answered
    if ('rows' in answer) return answer.rows
    throw new Error(`${sql.slice(0, 500)}: ${'error' in answer ? answer.error : 'no rows'}`)
  }

  /** Rows as `plainRows` has them. */
  async rows(table: string, schema: StructType): Promise<readonly PlainRow[]> {
    const columns = schema.fields.map(({ name }) => `\`${name}\``).join(', ')
    const rows = await this.sql(`SELECT ${columns} FROM ${table}`)
    return sorted(rows.map((row) => Object.fromEntries(schema.fields.map(({ name }, at) => [name, row[at]]))))
  }

  async close(): Promise<void> {
    if (this.child.exitCode !== null) return
    const closed = once(this.child, 'close')
    this.child.stdin!.end()
    await closed
  }

  private next(): Promise<Answer> {
    return new Promise((resolve) => this.waiting.push(resolve))
  }
}

export interface SparkOptions {
  /** More of them, by path. */
  readonly jars?: readonly string[]
  readonly settings?: Readonly<Record<string, string>>
}
