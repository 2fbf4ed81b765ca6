import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DeltaTable, directory, type NewDeltaTable, type SnapshotOptions } from 'sluice/delta'
import { temporaryFolder } from '../../support/temp.ts'
import { versionName } from './fixtures.ts'

type Action = Readonly<Record<string, Readonly<Record<string, unknown>>>>

export interface DamagedTableOptions extends Partial<NewDeltaTable> {
  /** One row each, of that id. */
  readonly versions?: number
  /** Versions that get a checkpoint. */
  readonly checkpoints?: readonly number[]
  readonly rowsEach?: number
}

/** A table on disk, in the folder `t` of one of its own, and what can go wrong with its files. Paths are relative to that folder. */
export class DamagedTable {
  readonly root: string

  private constructor(root: string) {
    this.root = root
  }

  /** id: long not null, city: string. */
  static async create({ versions = 3, checkpoints = [], rowsEach = 1, ...options }: DamagedTableOptions = {}) {
    const made = new DamagedTable(temporaryFolder())
    const schema = {
      type: 'struct',
      fields: [
        { name: 'id', type: 'long', nullable: false, metadata: {} },
        { name: 'city', type: 'string', nullable: true, metadata: {} },
      ],
    } as const
    const table = await DeltaTable.create(directory(made.root), 't', { schema, ...options })
    for (let version = 1; version <= versions; version++) {
      await table.append(Array.from({ length: rowsEach }, () => ({ id: version, city: `city ${version}` })))
      if (checkpoints.includes(version)) await table.checkpoint()
    }
    return made
  }

  open(): Promise<DeltaTable> {
    return DeltaTable.open(directory(this.root), 't')
  }

  /** Ids of all rows, in the order of the table. */
  async ids(options: SnapshotOptions = {}): Promise<readonly unknown[]> {
    const snapshot = await (await this.open()).snapshot(options)
    const ids: unknown[] = []
    for await (const rows of snapshot.rows()) for (const { id } of rows) ids.push(id)
    return ids
  }

  commit(version: number): string {
    return `t/_delta_log/${versionName(version)}.json`
  }

  checksum(version: number): string {
    return `t/_delta_log/${versionName(version)}.crc`
  }

  checkpoint(version: number): string {
    return `t/_delta_log/${versionName(version)}.checkpoint.parquet`
  }

  readonly hint = 't/_delta_log/_last_checkpoint'

  /** The data file of a version. */
  data(version: number): string {
    return `t/${this.actions(this.commit(version)).find(({ add }) => add !== undefined)!['add']!['path']}`
  }

  remove(...paths: readonly string[]): void {
    for (const path of paths) rmSync(join(this.root, path))
  }

  cut(path: string, bytes: number): void {
    truncateSync(join(this.root, path), bytes)
  }

  write(path: string, content: string | Uint8Array): void {
    writeFileSync(join(this.root, path), content)
  }

  read(path: string): Buffer {
    return readFileSync(join(this.root, path))
  }

  actions(path: string): readonly Action[] {
    const lines = this.read(path).toString().trimEnd().split('\n')
    return lines.map((line) => JSON.parse(line) as Action)
  }

  /** Rewrites the actions of one kind in a commit. */
  change(version: number, kind: string, change: (action: Action[string]) => Action[string]): void {
    const actions = this.actions(this.commit(version))
    this.putActions(
      version,
      actions.map((action) => (action[kind] === undefined ? action : { [kind]: change(action[kind]) })),
    )
  }

  putActions(version: number, actions: readonly object[]): void {
    this.write(this.commit(version), `${actions.map((action) => JSON.stringify(action)).join('\n')}\n`)
  }
}
