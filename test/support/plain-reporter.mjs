/** Ends a run with one plain line that any program can read. */
export default class PlainReporter {
  onRunComplete(_contexts, results) {
    const { numPassedTests, numPendingTests, numTodoTests } = results;
    // A file that does not even load has no tests to fail.
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
    const skipped = numPendingTests + numTodoTests;
    process.stdout.write(`${numPassedTests} passed, ${failed} failed, ${skipped} skipped\n`);
  }
}
