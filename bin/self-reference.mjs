// In a clone, `import … from 'sluice'` means lib/index.ts; for everybody else package.json's `exports` lead to dist/.
// Loaded by bin/sluice.mjs, and by a worker thread or a script through `--import`.
import { registerHooks } from 'node:module'

const SOURCES = {
  sluice: new URL('../lib/index.ts', import.meta.url).href,
  'sluice/delta': new URL('../lib/delta.ts', import.meta.url).href,
  'sluice/testing': new URL('../lib/testing/index.ts', import.meta.url).href,
}

registerHooks({
  resolve: (specifier, context, next) =>
    Object.hasOwn(SOURCES, specifier) ? { url: SOURCES[specifier], shortCircuit: true } : next(specifier, context),
})
