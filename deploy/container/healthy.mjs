// The image's health check: exits 0 when the service in this container answers. It asks for life, not
// for readiness: an orchestrator restarts what is unhealthy, which cures no database.
import { get } from 'node:http';

const TIMEOUT_MS = 2000;
const url = `http://127.0.0.1:${process.env['PORT'] || '8010'}/health`;

get(url, { timeout: TIMEOUT_MS, agent: false }, ({ statusCode }) => {
  process.exit(statusCode === 200 ? 0 : 1);
})
  .on('timeout', () => process.exit(1))
  .on('error', () => process.exit(1));
