import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { runAssign, runMerge, runRefusal } from './assign.ts'
import { runBatches, runCalendar } from './batches.ts'
import { findWindowCases, type WindowCase } from './case.ts'
import { Excluded } from './engine.ts'
import { runNamedQuery } from './nexmark.ts'
import { runPanes } from './panes.ts'
import { runQuery } from './query.ts'
import { runTable } from './tables.ts'
import { runTranscript } from './transcript.ts'
import { runFinals, runUpdates } from './updates.ts'

const PAGE = new URL('../../../docs/guide/pipeline.md', import.meta.url)

/** What the documentation excludes by name, in its table of what windows don't do. */
function excludedByDocs(): ReadonlySet<string> {
  const rows = readFileSync(fileURLToPath(PAGE), 'utf8').matchAll(/^\|\s*([a-z -]+?)\s*\|\s*not in Sluice\b/gm)
  return new Set(Array.from(rows, (match) => match[1]!))
}

/** Runs all cases of a folder, and gives the exit code: 1 if one failed, or if there was none. */
export async function runWindows(folder: string, only: string): Promise<number> {
  const excluded = excludedByDocs()
  const counts = { passed: 0, failed: 0, skipped: 0 }
  for (const test of findWindowCases(folder)) {
    if (!test.name.includes(only)) continue
    const { outcome, reasons } = await runOne(test, excluded)
    counts[outcome]++
    if (outcome !== 'passed')
      console.log(`${outcome}: ${test.name}${reasons.map((reason) => `\n    ${reason}`).join('')}`)
  }
  console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`)
  return counts.failed === 0 && counts.passed > 0 ? 0 : 1
}

const REASONS_MAX = 10

async function runOne(test: WindowCase, excluded: ReadonlySet<string>) {
  try {
    const reasons = await reasonsOf(test)
    return { outcome: reasons.length === 0 ? 'passed' : 'failed', reasons: reasons.slice(0, REASONS_MAX) } as const
  } catch (error) {
    if (error instanceof Excluded && excluded.has(error.rule)) {
      return { outcome: 'skipped', reasons: [`${error.message}: the guide excludes ${error.rule}`] } as const
    }
    return { outcome: 'failed', reasons: [error instanceof Error ? error.message : String(error)] } as const
  }
}

async function reasonsOf({ form, json, file, name, input }: WindowCase): Promise<readonly string[]> {
  switch (form) {
    case 'assign':
      return runAssign(json, file)
    case 'merge':
      return runMerge(json)
    case 'refusal':
      return runRefusal(json)
    case 'transcript':
      return runTranscript(json, file)
    case 'panes':
      return runPanes(json)
    case 'updates':
      return runUpdates(json)
    case 'finals':
      return runFinals(json)
    case 'batches':
      return runBatches(json, file)
    case 'calendar':
      return runCalendar(json)
    case 'table':
      return runTable(json, file)
    case 'query':
      return runQuery(json, input)
    case 'named query':
      return runNamedQuery(name.slice(name.lastIndexOf('/') + 1), json, file, input)
    case 'unknown':
      throw new Error(`There is no form for a case of ${Object.keys(json).join(', ')}`)
  }
}
