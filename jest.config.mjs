// What takes minutes, and needs servers, strace or a disk of its own: in CI, and where it is named.
const SLOW = ['faults', 'integration'];
const named = process.argv.slice(2).join(' ');
const isAll = Boolean(process.env['CI']) || SLOW.some((folder) => named.includes(folder));
const leftOut = isAll ? [] : SLOW.map((folder) => `test/${folder}/`);

export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  extensionsToTreatAsEsm: ['.ts'],
  coverageProvider: 'v8',
  setupFilesAfterEnv: ['<rootDir>/test/support/setup.ts'],
  // A limit for what hangs; a busy machine is ten times slower than an idle one.
  testTimeout: 60_000,
  maxWorkers: 2,
  testPathIgnorePatterns: ['/node_modules/', ...leftOut.map((folder) => `<rootDir>/${folder}`)],
  reporters: ['default', ['<rootDir>/test/support/plain-reporter.mjs', { leftOut }]],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2024',
          parser: { syntax: 'typescript' },
          transform: { verbatimModuleSyntax: true },
        },
        module: { type: 'nodenext' },
        sourceMaps: 'inline',
      },
    ],
  },
};
