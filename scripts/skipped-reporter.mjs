/** Vitest reporter: names at the end every test that was skipped, so that none is missing in silence. */
export default class SkippedReporter {
  onTestRunEnd(modules) {
    const names = modules.flatMap((module) =>
      [...module.children.allTests('skipped')].map((test) => nameOf(module, test)),
    )
    if (names.length === 0) return
    console.log(`\nSkipped (${names.length}):`)
    for (const [name, count] of countEach(names)) console.log(`  ${name}${count > 1 ? ` (${count} tests)` : ''}`)
  }
}

/** A whole skipped suite is one line: its own title says what it needs. */
function nameOf(module, test) {
  let named = test
  for (let parent = test.parent; parent.type === 'suite'; parent = parent.parent) {
    if (parent.options.mode === 'skip' || parent.options.mode === 'todo') named = parent
  }
  const note = test.result().note
  return `${module.relativeModuleId} › ${named.fullName}${note ? `: ${note}` : ''}`
}

function countEach(names) {
  const counts = new Map()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return counts
}
