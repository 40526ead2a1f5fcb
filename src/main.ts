const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 24 || (major === 24 && minor < 15)) {
  process.stderr.write(
    `Sallyport needs Node 24.15 or newer, this is ${process.version}: run it by "npm start" after "npm ci", which brings one\n`,
  );
  process.exit(1);
}

const { enableCompileCache } = await import('node:module');
enableCompileCache(); // the second start takes half the time and 60 MB less

// After the check, because an older Node cannot even load these.
const { run } = await import('./run.ts');
await run();
