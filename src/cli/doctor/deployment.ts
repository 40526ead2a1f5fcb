import { type Config, readConfig, VARIABLES } from '../../config.ts';
import { SECRET_VARIABLES } from '../../environment.ts';
import type { GivenEnvironment } from '../../secret-files.ts';
import type { Target } from '../context.ts';
import type { CliSettings } from '../settings.ts';

/** What is examined: the environment as the service reads it, and where the service answers. */
export interface Deployment {
  readonly given: GivenEnvironment;
  /** `undefined` when the environment cannot be used; then `problems` says why. */
  readonly config: Config | undefined;
  /** A line each, beginning with the variable. */
  readonly problems: readonly string[];
  readonly dataDir: string;
  readonly target: Target;
  /** As Graph sees `/webhooks/graph`. */
  readonly publicUrl: URL | undefined;
  /** PEM of a private authority to trust for the public URL, beside the known ones. */
  readonly ca: string | undefined;
  /** Aborted when whoever asked has seen enough. */
  readonly signal: AbortSignal;
}

/** Reads the environment as the service does at its start, without ending at what is wrong with it. */
export function readEnvironment(
  settings: CliSettings,
): Pick<Deployment, 'given' | 'config' | 'problems' | 'dataDir'> {
  const names = [...VARIABLES, ...SECRET_VARIABLES.map((name) => `${name}_FILE`)];
  const given = Object.fromEntries(
    names.flatMap((name) => {
      const value = settings.variable(name);
      return value === undefined ? [] : [[name, value] as const];
    }),
  );
  const { dataDir } = settings;
  try {
    return { given, dataDir, config: readConfig(given), problems: [] };
  } catch (error) {
    const [, ...problems] = String(error).split('\n');
    return { given, dataDir, config: undefined, problems: problems.map((line) => line.trim()) };
  }
}

/** The same for what may be anything yet: the key is not shown to it. */
export function withoutKey(deployment: Deployment): Deployment {
  const { target } = deployment;
  return { ...deployment, target: { ...target, found: { ...target.found, key: undefined } } };
}
