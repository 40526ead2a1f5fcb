// The one thing of the service's inside: a text is what it becomes there, or it would differ for ever.
import { cleanText } from '../adapters/http/clean-text.ts';
import { usageError } from './cli-error.ts';
import type { Item } from './client.ts';
import { HIDDEN } from './desired.ts';

/** One thing to do, to make what there is what there should be. */
export interface Change {
  /** `+` makes, `~` changes, `-` deletes, `^` takes a deletion back and changes. */
  readonly action: '+' | '~' | '-' | '^';
  readonly kind: 'sink' | 'subscription';
  /** How a person knows it. */
  readonly name: string;
  /** Of what is there already. */
  readonly id?: string;
  /** What is sent; of `-` nothing. */
  readonly body: Readonly<Record<string, unknown>>;
  /** Of `~`: what the fields are now, as far as that is shown. */
  readonly present?: Readonly<Record<string, unknown>>;
}

type Fields = Readonly<Record<string, unknown>>;

/** What one section of the file is compared with. */
export interface Section {
  readonly kind: Change['kind'];
  /** The field by which the file names things. */
  readonly key: 'id' | 'name';
  /** Fields that are chosen once. */
  readonly fixed: readonly string[];
  /** Fields that are only sent when a thing is made. */
  readonly onlyNew: readonly string[];
  readonly wanted: readonly Fields[];
  readonly present: readonly Item[];
  /** What was deleted and can come back under its key. */
  readonly deleted: readonly Item[];
}

/** Compares the file with the service; throws a usage error where a difference cannot be mended. */
export function findDifferences(
  section: Section,
  options: { prune: boolean; sendHidden: boolean },
): Change[] {
  const { kind, key, wanted, present } = section;
  const keys = new Set(wanted.map((one) => one[key]));
  const surplus = options.prune ? present.filter((one) => !keys.has(one[key])) : [];
  return [
    ...wanted.flatMap((one) => compareOne(section, one, options.sendHidden)),
    ...surplus.map(({ id, ...rest }): Change => {
      return { action: '-', kind, name: String(key === 'id' ? id : rest[key]), id, body: {} };
    }),
  ];
}

function compareOne(section: Section, wanted: Fields, sendHidden: boolean): Change[] {
  const { kind, key } = section;
  const name = String(wanted[key]);
  const [present, another] = section.present.filter((one) => one[key] === wanted[key]);
  if (another !== undefined) throw usageError(`There is more than one ${kind} ${name}: rename one`);
  const deleted = section.deleted.find((one) => one[key] === wanted[key]);
  const there = present ?? deleted;
  if (there === undefined) return [{ action: '+', kind, name, body: wanted }];

  const differs = (field: string) =>
    canonical(field, wanted[field]) !== canonical(field, there[field]);
  const stuck = section.fixed.filter((field) => wanted[field] !== undefined && differs(field));
  if (stuck.length > 0) {
    throw usageError(`${kind} ${name}: ${stuck.join(', ')} cannot be changed; delete it first`);
  }
  const body = Object.fromEntries(
    Object.entries(wanted).filter(([field, value]) => {
      if (value === undefined || field === key) return false;
      if (section.fixed.includes(field) || section.onlyNew.includes(field)) return false;
      return HIDDEN.includes(field) ? sendHidden || present === undefined : differs(field);
    }),
  );
  const { id } = there;
  if (present === undefined) return [{ action: '^', kind, name, id, body, present: there }];
  return Object.keys(body).length === 0 ? [] : [{ action: '~', kind, name, id, body, present }];
}

/** The same text for what the service takes for the same: it keeps some things in a form of its own. */
function canonical(field: string, value: unknown): string {
  if (value === undefined || value === null) return 'null';
  if (Array.isArray(value))
    return value
      .map((one) => canonical(field, one))
      .toSorted()
      .join();
  if (typeof value === 'object') {
    return Object.entries(value)
      .map(([name, one]) => `${name}=${canonical(name, one)}`)
      .toSorted()
      .join('&');
  }
  const text = typeof value === 'string' ? value.trim() : JSON.stringify(value);
  switch (field) {
    case 'url':
      return JSON.stringify(URL.parse(text)?.href ?? text);
    case 'expirationDateTime':
      return String(Date.parse(text));
    case 'description':
    case 'notes':
      return JSON.stringify(cleanText(text) || null);
    case 'tenantId':
    case 'applicationId':
    case 'subscriptionId':
      return JSON.stringify(text.toLowerCase());
    default:
      return JSON.stringify(typeof value === 'string' ? text : value);
  }
}

/** A change on one line; what is secret only by its name. */
export function describeChange({ action, kind, name, body, present }: Change): string {
  if (action === '+' || action === '-') return `${action} ${kind} ${name}`;
  const fields = Object.entries(body).map(([field, value]) => {
    if (HIDDEN.includes(field)) return `${field} (sent again)`;
    return `${field} ${JSON.stringify(present?.[field] ?? null)} -> ${JSON.stringify(value)}`;
  });
  return `${action} ${kind} ${name}${fields.length === 0 ? '' : `: ${fields.join(', ')}`}`;
}
