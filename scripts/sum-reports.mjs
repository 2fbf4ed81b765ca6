#!/usr/bin/env node
// Prints `N passed, N failed, N skipped` over Vitest's JSON reports, each given as a path.
import { readFileSync } from 'node:fs'

const sum = { passed: 0, failed: 0, skipped: 0 }
for (const path of process.argv.slice(2)) {
  const report = JSON.parse(readFileSync(path, 'utf8'))
  sum.passed += report.numPassedTests
  sum.failed += report.numFailedTests
  sum.skipped += report.numPendingTests + report.numTodoTests
  // A file that could not be loaded has no tests to count, and is a failure all the same.
  sum.failed += report.testResults.filter(
    (file) => file.status === 'failed' && file.assertionResults.length === 0,
  ).length
}
console.log(`${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`)
