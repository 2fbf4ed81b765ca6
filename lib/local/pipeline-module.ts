import { statSync } from 'node:fs'
import { extname, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { SluiceError } from '#core/errors.ts'
import type { Plan } from '#plan/plan.ts'
import { assertPlan } from '#plan/validate.ts'

/** Our own examples: `sluice run crimes` finds pipelines/crimes.ts of this package from anywhere. */
const EXAMPLES = fileURLToPath(new URL(`../../pipelines/`, import.meta.url))

/**
 * File of a pipeline that was given by path or by name: `pipelines/crimes.ts`, or `crimes` for pipelines/crimes.ts below the
 * working folder, else the example of that name.
 *
 * @throws SluiceError PIPELINE_NOT_FOUND
 */
export function findPipeline(name: string, workingFolder: string): string {
  const bare = extname(name) === '' && !name.includes('/')
  const own = extname(import.meta.url)
  const places = bare
    ? ['.ts', '.js', '.mjs'].map((ext) => resolve(workingFolder, 'pipelines', name + ext)).concat(EXAMPLES + name + own)
    : [resolve(workingFolder, name)]
  const candidates = [...new Set(places)]
  const found = candidates.find((path) => statSync(path, { throwIfNoEntry: false })?.isFile() === true)
  if (found !== undefined) return found
  throw new SluiceError(
    'PIPELINE_NOT_FOUND',
    `There is no pipeline ${name}: looked for ${candidates.join(', ')}. Give the path of a module whose default export is a pipeline.`,
    { details: { name, candidates } },
  )
}

/** The Plan that a module exports by default. @throws SluiceError PIPELINE_INVALID */
export async function loadPipeline(path: string): Promise<Plan> {
  let module: { readonly default?: unknown }
  try {
    module = (await import(pathToFileURL(path).href)) as { readonly default?: unknown }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new SluiceError('PIPELINE_INVALID', `The pipeline ${path} can't be loaded: ${reason}`, { cause })
  }
  return assertPlan(module.default)
}
