const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 24 || (major === 24 && minor < 15)) {
  process.stderr.write(
    `Sallyport needs Node 24.15 or newer, this is ${process.version}: run it by "npm start" after "npm ci", which brings one\n`,
  );
  process.exit(1);
}

// libuv reads it once, before the first asynchronous call, and gives look-ups half of its threads: of
// four, two names whose server is silent would keep every other sink, and the stores, waiting.
process.env['UV_THREADPOOL_SIZE'] ??= '64';

const { enableCompileCache } = await import('node:module');
enableCompileCache(); // the second start takes half the time and 60 MB less

// As process 1 of a container nothing ends it that it does not listen to, and loading takes a while.
const endEarly = () => process.exit(0);
process.on('SIGTERM', endEarly).on('SIGINT', endEarly);

// After the check, because an older Node cannot even load these.
const { run } = await import('./run.ts');
const running = run(); // listens by itself from here on: a signal that came meanwhile is not lost
process.off('SIGTERM', endEarly).off('SIGINT', endEarly);
await running;
