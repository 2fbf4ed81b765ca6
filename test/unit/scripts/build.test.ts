import { describe, expect, test } from 'vitest'
import { unresolved, withJsImports, withRelativeImports } from '../../../scripts/build.mjs'

describe('Sources on their way to dist/', () => {
  test.each([
    ['lib/window/slices.ts', "import { floorTo } from '#core/time.ts'", "import { floorTo } from '../core/time.ts'"],
    ['lib/index.ts', "export type { Plan } from '#plan/plan.ts'", "export type { Plan } from './plan/plan.ts'"],
    ['lib/adapters/files/a.ts', "} from '#core/time.ts'", "} from '../../core/time.ts'"],
    ['lib/delta/a.ts', "import '#delta/b.ts'", "import './b.ts'"],
    ['lib/local/a.ts', "await import('#cli/b.ts')", "await import('../cli/b.ts')"],
    ['lib/local/a.ts', "let a: import('#cli/b.ts').B", "let a: import('../cli/b.ts').B"],
    ['pipelines/a.ts', "import { floorTo } from '#core/time.ts'", "import { floorTo } from '../lib/core/time.ts'"],
  ])('in %s, %s becomes %s', (path, source, expected) => {
    expect(withRelativeImports(source, path)).toBe(expected)
  })

  test.each([
    "import { a } from './a.ts'",
    "import { c } from '../lib/index.ts'",
    "import { pipeline } from 'sluice'",
    "const colour = '#core/time.ts'",
  ])('%s stays as it is', (source) => {
    expect(withRelativeImports(source, 'lib/local/a.ts')).toBe(source)
  })

  test('a worker beside the module is named as it will be called', () => {
    const source = "new Worker(new URL('./partition-worker.ts', import.meta.url))"
    expect(withRelativeImports(source, 'lib/local/a.ts')).toBe(
      "new Worker(new URL('./partition-worker.js', import.meta.url))",
    )
  })
})

test('declarations name JavaScript files', () => {
  expect(withJsImports("export * from './a.ts';\nlet b: import('../b.ts').B;\nimport { c } from 'c/d.ts'")).toBe(
    "export * from './a.js';\nlet b: import('../b.js').B;\nimport { c } from 'c/d.ts'",
  )
})

test('a specifier that leads nowhere in the package is found', () => {
  const text = "import a from '#core/a.ts'\nimport b from './b.ts'\nimport c from './c.js'\nimport d from 'd'"
  expect(unresolved(text)).toEqual(['#core/a.ts', './b.ts'])
})
