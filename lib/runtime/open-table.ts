import { DeltaTable } from '#delta/table.ts'
import { type Runtime, tablePath } from '#runtime/runtime.ts'

const handles = new WeakMap<Runtime, Map<string, Promise<DeltaTable>>>()

/**
 * The table `layer.name`, opened once a runtime: a handle remembers the version that it saw last, which is what makes the next
 * append cheap.
 *
 * @throws SluiceError DELTA_NOT_A_TABLE
 */
export function openTable(runtime: Runtime, name: string): Promise<DeltaTable> {
  let tables = handles.get(runtime)
  if (tables === undefined) {
    tables = new Map()
    handles.set(runtime, tables)
  }
  let table = tables.get(name)
  if (table === undefined) {
    table = DeltaTable.open(runtime, tablePath(name))
    tables.set(name, table)
    // A failure is not remembered.
    table.catch(() => tables.delete(name))
  }
  return table
}
