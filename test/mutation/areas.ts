/** What is mutated together, and the tests that have to notice. Paths are relative to the repository; tests may be globs. */
export interface Area {
  readonly mutate: readonly string[]
  readonly tests: readonly string[]
}

const files = (folder: string, names: string): readonly string[] =>
  names.split(' ').map((name) => `lib/${folder}/${name}.ts`)

export const AREAS: Readonly<Record<string, Area>> = {
  /** What decides whether a commit may follow others', what a version is made of, and which files a read may leave out. */
  delta: {
    mutate: files(
      'delta',
      'checksum commit conflict contents file-bounds group-bounds replay state state-replay stats stats-parsed transaction',
    ),
    // Without those that take long and are about other files.
    tests: [
      'test/unit/delta/!(commit-s3|copy-columns|optimize).test.ts',
      'test/property/delta-{histories,predicate,scan}.test.ts',
    ],
  },
  /** Which windows an event is of, when they close, what is late, and what their results are. */
  window: {
    mutate: files('window', 'calendar lateness session-lateness sessions slices span watermark windows'),
    tests: ['test/unit/window/*.test.ts', 'test/property/window-*.test.ts'],
  },
  /** What keeps a record from being counted twice, or a window from being closed twice. */
  fences: {
    mutate: files('runtime', 'dirty lease mark progress'),
    tests: ['test/unit/runtime/{dirty,fences,lease,mark,progress}.test.ts'],
  },
}
