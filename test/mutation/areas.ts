/** What is mutated together, and the tests that have to notice: those that ask this code, not all that pass through it. */
export interface Area {
  /** Relative to the repository. */
  readonly mutate: readonly string[]
  /** Globs. */
  readonly tests: readonly string[]
}

const files = (folder: string, names: string): readonly string[] =>
  names.split(' ').map((name) => `lib/${folder}/${name}.ts`)

export const AREAS: Readonly<Record<string, Area>> = {
  /** Whether a commit may follow those of others, and that it is there once. */
  'delta-commits': {
    mutate: files('delta', 'checksum commit conflict transaction'),
    tests: ['test/unit/delta/{checksum*,commit,commit-attempts,commit-races,conflict*,transaction}.test.ts'],
  },
  /** What a version is made of. */
  'delta-replay': {
    mutate: files('delta', 'contents replay state state-replay'),
    tests: [
      'test/unit/delta/{append-cost,changes,checkpoint*,checksum,commit-races,contents,log-end,replay*,snapshot,state,time-travel}.test.ts',
    ],
  },
  /** Which files and row groups a read may leave out. */
  'delta-stats': {
    mutate: files('delta', 'file-bounds group-bounds stats stats-parsed'),
    tests: [
      'test/unit/delta/{bounds,checkpoint-read,predicate,stats}.test.ts',
      'test/property/delta-predicate.test.ts',
    ],
  },
  /** What keeps a record from being counted twice, or a window from being closed twice. */
  fences: {
    mutate: files('runtime', 'dirty lease mark progress'),
    tests: ['test/unit/runtime/{dirty,fences,lease,mark,progress}.test.ts'],
  },
  /** Up to where a pipeline has got: what was closed, what waits, what is published. */
  marks: {
    mutate: files('runtime', 'bounds pending published raise-bounds time-ranges windows'),
    tests: ['test/unit/runtime/{bounds,dirty-spans,mark,pending,published,reopened,windows}.test.ts'],
  },
  /** State in pages: what is folded where, what is split, and that each record is there once. */
  pages: {
    mutate: files('runtime', 'close-pages fold-pages page-node page-tree session-records'),
    tests: [
      'test/unit/runtime/{bounds,close-pages,dirty-spans,reopened,sessions,verdicts,windows}.test.ts',
      'test/property/page-splits.test.ts',
    ],
  },
  /** Which windows an event is of, when they close, what is late, and what sessions are made of. */
  window: {
    mutate: files('window', 'calendar lateness session-lateness sessions slices span watermark windows'),
    tests: [
      'test/unit/window/!(aggregate|crimes|interner|value-aggregates).test.ts',
      'test/property/window-{assign,sessions}.test.ts',
    ],
  },
  /** Accumulators: what is added in any order and merged in any way comes to the same. */
  'window-aggregates': {
    mutate: files(
      'window',
      'aggregate collect distinct exact-sum extreme first-last quantile scalar sliding-merge sum top-k',
    ),
    tests: [
      'test/unit/window/{aggregate,conformance,value-aggregates}.test.ts',
      'test/property/window-{aggregate,value-aggregates}.test.ts',
    ],
  },
  /** From rows to the groups of slices, to pages, to the rows of closed windows. */
  'window-folds': {
    mutate: files('window', 'cells chained close fold group-coder group-key page page-parts pane-reader result-fold'),
    tests: [
      'test/unit/window/{chained,close,fold,group-key,interner,page,page-parts,sessions}.test.ts',
      'test/property/window-fold.test.ts',
    ],
  },
}
