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
    tests: ['test/unit/delta/*.test.ts', 'test/property/delta-{histories,predicate,scan}.test.ts'],
  },
}
