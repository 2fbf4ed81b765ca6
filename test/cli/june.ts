import { cpSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { writeCrimesCsv } from '#local/simulator.ts'
import { differences } from '../support/table-rows.ts'
import { createTemporaryFolder } from '../support/temp.ts'
import { contentsOf } from './lake.ts'
import { place, runCrimes } from './sluice.ts'

/** A data folder that holds June, which no test changes, and a file of July that can be run on copies of it. */
export interface June {
  readonly whole: string
  readonly june: string
  readonly july: string
  /** A copy of the data folder for this test. */
  copied(): string
  /** @throws unless the data folder holds what two runs without any trouble leave: of June alone, or of both files */
  expectJune(data: string): Promise<void>
  expectBoth(data: string): Promise<void>
  dispose(): void
}

export async function makeJune(): Promise<June> {
  const made = createTemporaryFolder()
  const path = (name: string) => join(made.path, name)
  const [june, july, whole, both] = [path('june.csv'), path('july.csv'), path('whole'), path('both')]
  writeFileSync(june, writeCrimesCsv(1, 300))
  writeFileSync(july, writeCrimesCsv(2, 200, { start: Date.UTC(2018, 6, 1, 5) }))
  expect((await runCrimes(june, whole)).code).toBe(0)
  expect((await runCrimes([june, july], both)).code).toBe(0)
  const [wantedOfJune, wantedOfBoth] = [await contentsOf(whole), await contentsOf(both)]
  return {
    whole,
    june,
    july,
    copied() {
      const { data } = place()
      cpSync(whole, data, { recursive: true })
      return data
    },
    async expectJune(data) {
      expect(differences(await contentsOf(data), wantedOfJune)).toEqual([])
    },
    async expectBoth(data) {
      expect(differences(await contentsOf(data), wantedOfBoth)).toEqual([])
    },
    dispose: () => made[Symbol.dispose](),
  }
}
