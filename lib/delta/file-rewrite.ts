import { type AddFile, type ChangeFile, type RemoveFile, removeOf } from '#delta/actions.ts'
import type { ChangeType } from '#delta/changes.ts'
import type { OpenedVersion } from '#delta/opened-version.ts'
import type { Row } from '#delta/row-check.ts'
import { RowWriter } from '#delta/row-writer.ts'
import type { StructType } from '#delta/schema-json.ts'
import { feedsChanges } from '#delta/writer-features.ts'

const CHANGE_COLUMN: StructType = {
  type: 'struct',
  fields: [{ name: '_change_type', type: 'string', nullable: true, metadata: {} }],
}

/** What a rewrite leaves for its commit. */
export interface Rewritten {
  readonly adds: readonly AddFile[]
  readonly removes: readonly RemoveFile[]
  readonly changeFiles: readonly ChangeFile[]
}

/**
 * Files of a version written anew: rows go into new files, files that are replaced become removes. Where the table feeds changes,
 * every changed row is told of once a file is rewritten; files that come or go whole tell it by themselves.
 */
export class FileRewrite {
  /** Rows that were in replaced files and are in the new ones as they were. */
  copied = 0
  private readonly version: OpenedVersion
  private readonly writer: RowWriter
  private readonly apart: { readonly is: (row: Row) => boolean; readonly writer: RowWriter } | null
  private readonly changes: RowWriter | null
  private readonly replaced: AddFile[] = []

  /** @param apart rows that go into files of their own */
  constructor(version: OpenedVersion, apart?: (row: Row) => boolean) {
    const { deps, paths, metadata } = version
    this.version = version
    this.writer = new RowWriter(deps, paths, metadata)
    this.apart = apart === undefined ? null : { is: apart, writer: new RowWriter(deps, paths, metadata) }
    const folder = '_change_data/'
    this.changes = feedsChanges(metadata)
      ? new RowWriter(deps, paths, metadata, { folder, extra: CHANGE_COLUMN })
      : null
  }

  /** The file goes; its rows come back by `keep`, or not at all. */
  replace(file: AddFile): void {
    this.replaced.push(file)
  }

  get replacedFiles(): readonly AddFile[] {
    return this.replaced
  }

  /** Rows of a replaced file as they were. */
  async keep(rows: readonly Row[]): Promise<void> {
    this.copied += rows.length
    await this.write(rows)
  }

  /** Rows that are new, or new in this form. */
  async write(rows: readonly Row[]): Promise<void> {
    const { apart, writer } = this
    if (apart === null) return writer.add(rows)
    await writer.add(rows.filter((row) => !apart.is(row)))
    await apart.writer.add(rows.filter((row) => apart.is(row)))
  }

  async tell(type: ChangeType, rows: readonly Row[]): Promise<void> {
    if (this.changes === null || rows.length === 0) return
    await this.changes.add(rows.map((row) => ({ ...row, _change_type: type })))
  }

  /** Whether changes have to be told at all: reading rows only for that costs. */
  get tells(): boolean {
    return this.changes !== null
  }

  async finish(): Promise<Rewritten> {
    const now = this.version.deps.clock.now()
    const adds = [...(await this.writer.finish()), ...((await this.apart?.writer.finish()) ?? [])]
    const files = (await this.changes?.finish()) ?? []
    return {
      adds,
      removes: this.replaced.map((file) => removeOf(file, now, true)),
      changeFiles: files.map(({ path, partitionValues, size }) => ({ path, partitionValues, size })),
    }
  }
}
