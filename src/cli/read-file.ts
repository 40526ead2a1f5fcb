import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { parse } from 'yaml';
import type { z } from 'zod';
import { usageError } from './cli-error.ts';
import type { CliSettings } from './settings.ts';

const WHOLE_REFERENCE = /^\$\{([A-Za-z_]\w*)\}$/;

/**
 * Reads a YAML or JSON file (the one is part of the other) of the given shape. A value that is
 * `${NAME}` and nothing else is taken from the environment, so that files need no secrets.
 */
export async function readStructure<T>(
  schema: z.ZodType<T>,
  path: string,
  settings: CliSettings,
): Promise<T> {
  const structure = resolve(parseYaml(await readText(path), path), path, settings);
  const { success, data, error } = schema.safeParse(structure);
  if (success) return data;
  const problems = error.issues.map(({ path: at, message }) => {
    return `${at.map(String).join('.') || 'the file'}: ${message}`;
  });
  throw usageError(`${path} is not as it should be: ${problems.join('; ')}`);
}

async function readText(path: string): Promise<string> {
  try {
    return path === '-' ? await text(process.stdin) : await readFile(path, 'utf8');
  } catch (error) {
    throw usageError(`The file ${path} cannot be read: is the path right?`, error);
  }
}

function parseYaml(source: string, path: string): unknown {
  try {
    return parse(source);
  } catch (error) {
    // Only its first line: the rest quotes the file, which may hold secrets.
    const [why] = error instanceof Error ? error.message.split('\n') : [];
    throw usageError(`${path} is neither YAML nor JSON: ${why ?? ''}`, error);
  }
}

function resolve(value: unknown, path: string, settings: CliSettings): unknown {
  if (Array.isArray(value)) return value.map((one) => resolve(one, path, settings));
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([key, one]) => [key, resolve(one, path, settings)]),
    );
  }
  const [, name] = typeof value === 'string' ? (WHOLE_REFERENCE.exec(value) ?? []) : [];
  if (name === undefined) return value;
  const found = settings.variable(name);
  if (found === undefined) throw usageError(`${path} needs $${name}, which is not set`);
  return found;
}
