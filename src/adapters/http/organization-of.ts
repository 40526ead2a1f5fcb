import type { Context } from 'koa';
import { ValidationError } from '../../domain/errors.ts';
import { DEFAULT_ORGANIZATION } from '../../domain/organization.ts';

const HEADER = 'X-Organization-Id';
const NAME = /^[a-z0-9-]{1,64}$/;

/**
 * The organisation that the operator, who stands above them all, acts in. A name that is none is
 * refused: taken for the default one, a slip of the pen would change what belongs to somebody else.
 */
export function organizationOf(ctx: Pick<Context, 'get'>): string {
  const wanted = ctx.get(HEADER);
  if (wanted === '') return DEFAULT_ORGANIZATION;
  if (NAME.test(wanted)) return wanted;
  throw new ValidationError([
    { path: HEADER, message: 'must be 1 to 64 of a to z, 0 to 9 and hyphens' },
  ]);
}
