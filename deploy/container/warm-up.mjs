// Loads what the service and the command load, so that Node keeps it compiled in NODE_COMPILE_CACHE.
import { flushCompileCache } from 'node:module';

await import('../../src/run.ts');
await import('../../src/cli.ts');
await import('../../src/compose/server-stores.ts');
await import('../../src/compose/sink-servers.ts');
await import('node:http');
flushCompileCache();
