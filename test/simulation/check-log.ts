import { tablePath } from '#runtime/runtime.ts'
import { plannedTables } from '#runtime/tables.ts'
import type { Simulation } from './simulation.ts'

interface LogAction {
  readonly add?: { readonly path: string }
  readonly txn?: { readonly appId: string; readonly version: number }
}

/** Versions of each table are contiguous, its `txn` versions rise, no file is added twice, and every file is there. */
export async function checkLog({ world }: Simulation): Promise<readonly string[]> {
  const faults: string[] = []
  for (const { name } of plannedTables(world.plan)) {
    const folder = tablePath(name)
    const txns = new Map<string, number>()
    const files = new Set<string>()
    let next = 0
    for await (const { path } of world.store.list(`${folder}/_delta_log/`)) {
      const [, version] = /\/(\d{20})\.json$/.exec(path) ?? []
      if (version === undefined) continue
      if (Number(version) !== next) faults.push(`${name}: version ${Number(version)} comes after ${next - 1}`)
      next = Number(version) + 1
      for (const { add, txn } of actionsOf(await world.store.get(path))) {
        if (add !== undefined) {
          if (files.has(add.path)) faults.push(`${name}: version ${version} adds a file again`)
          files.add(add.path)
          if ((await world.store.head(`${folder}/${add.path}`)) === undefined)
            faults.push(`${name}: ${add.path} is missing`)
        }
        if (txn === undefined) continue
        const before = txns.get(txn.appId) ?? -1
        if (txn.version <= before) faults.push(`${name}: txn ${txn.appId} goes from ${before} to ${txn.version}`)
        txns.set(txn.appId, txn.version)
      }
    }
    if (next === 0) faults.push(`${name}: has no log`)
  }
  return faults
}

function actionsOf(bytes: Uint8Array): readonly LogAction[] {
  const lines = new TextDecoder().decode(bytes).split('\n')
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as LogAction)
}
