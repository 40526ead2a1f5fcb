// The layers of docs/adr/0001: main, compose, cli → adapters → app → ports → domain.
const ROOTS = '^src/([^/]+\\.ts$|compose/)';
const pathOf = (...layers) => `^src/(${layers.join('|')})/`;

export default {
  forbidden: [
    {
      name: 'domain-is-pure',
      comment: 'domain decides and imports only itself: no I/O, no clock, no package',
      severity: 'error',
      from: { path: pathOf('domain') },
      to: { pathNot: pathOf('domain') },
    },
    {
      name: 'ports-promise',
      comment: 'ports speak only of domain types and of each other',
      severity: 'error',
      from: { path: pathOf('ports') },
      to: { pathNot: pathOf('domain', 'ports') },
    },
    {
      name: 'app-uses-ports',
      comment: 'use cases know ports and domain, never a technology',
      severity: 'error',
      from: { path: pathOf('app') },
      to: { pathNot: pathOf('domain', 'ports', 'app') },
    },
    {
      name: 'adapters-stand-alone',
      comment: 'an adapter never imports another’s folder, but what all stores do alike',
      severity: 'error',
      from: { path: '^src/adapters/([^/]+)/' },
      to: { path: '^src/adapters/', pathNot: '^src/adapters/($1|stores)/' },
    },
    {
      name: 'only-http-drives',
      comment: 'the driven adapters know ports and domain; only http calls use cases',
      severity: 'error',
      from: { path: pathOf('adapters'), pathNot: '^src/adapters/http/' },
      to: { path: pathOf('app') },
    },
    {
      name: 'nobody-imports-the-roots',
      comment: 'compose.ts knows everybody, and nobody below it knows what lies beside it',
      severity: 'error',
      from: { path: '^src/', pathNot: [ROOTS, pathOf('cli')] },
      to: { path: [ROOTS, pathOf('cli')] },
    },
    {
      name: 'simulation-is-a-client',
      comment: 'it drives the service over HTTP and must not know its inside',
      severity: 'error',
      from: { path: '^src/simulation/' },
      to: { path: '^src/', pathNot: '^src/(simulation|domain)/' },
    },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'declared-packages-only',
      comment: 'what runs in production is a dependency, not a development tool',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown', 'undetermined'] },
    },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    parser: 'swc',
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
};
