#!/usr/bin/env node
// Plain JavaScript, so that an older Node gets as far as the sentence that sends it away.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 24 || (major === 24 && minor < 15)) {
  process.stderr.write(
    `Sallyport needs Node 24.15 or newer, this is ${process.version}: run it by "npx sallyport" after "npm ci", which brings one\n`,
  );
  process.exit(1);
}

process.env.UV_THREADPOOL_SIZE ??= '64'; // as src/main.ts does, for `sallyport start`

const { enableCompileCache } = await import('node:module');
enableCompileCache(); // halves the time to the first word

const { main } = await import('../src/cli.ts');
await main();
