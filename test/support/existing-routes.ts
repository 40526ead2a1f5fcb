import { readdirSync } from 'node:fs';

const ROUTES = new URL('../../src/adapters/http/routes/', import.meta.url);

interface Layer {
  readonly methods: readonly string[];
  readonly path: string;
}

/**
 * Every route of every router, such as `GET /health`, from their own stacks. A router only keeps what
 * it is made with until it is asked, so nothing has to be there.
 */
export async function existingRoutes(): Promise<string[]> {
  const nothing: unknown = new Proxy(() => nothing, { get: () => nothing });
  const routes = new Set<string>();
  for (const file of readdirSync(ROUTES)) {
    const made: Record<string, unknown> = await import(new URL(file, ROUTES).href);
    for (const [name, create] of Object.entries(made)) {
      if (!name.endsWith('Routes') || typeof create !== 'function') continue;
      const { stack } = create(nothing) as { stack: readonly Layer[] };
      for (const { methods, path } of stack) {
        for (const method of methods) if (method !== 'HEAD') routes.add(`${method} ${path}`);
      }
    }
  }
  return [...routes].toSorted((a, b) => a.localeCompare(b));
}
