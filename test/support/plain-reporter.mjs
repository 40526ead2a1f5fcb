import { writeSync } from 'node:fs';

/** Ends a run with one plain line that any program can read. */
export default class PlainReporter {
  #leftOut;

  constructor(_jest, { leftOut }) {
    this.#leftOut = leftOut;
  }

  onRunComplete(_contexts, results) {
    const { numPassedTests, numPendingTests, numTodoTests } = results;
    // A file that does not even load has no tests to fail.
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
    const skipped = numPendingTests + numTodoTests;
    // At the exit, because jest's own summary comes later than this.
    process.once('exit', () => {
      if (this.#leftOut.length > 0) {
        writeSync(1, `Left out: ${this.#leftOut.join(', ')}; CI=1 npm test runs them too\n`);
      }
      writeSync(1, `${numPassedTests} passed, ${failed} failed, ${skipped} skipped\n`);
    });
  }
}
