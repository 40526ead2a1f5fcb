import { brotliCompressSync, constants, deflateSync, gzipSync } from 'node:zlib';

/** Stands in values only: what is told of a mistake may name a field, and never what was in it. */
export const PLANTED = 'planted-4711';

export interface HostileJson {
  readonly name: string;
  readonly body: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
}

const JSON_TYPE = { 'content-type': 'application/json' };
const DEEP = 50_000;
const MANY = 10_000;

/** Bodies to be sent to a route that takes `good`, each with something wrong or odd about it. */
export function hostileJson(good: object): HostileJson[] {
  const text = JSON.stringify(good);
  return [
    ...texts(text).map(([name, body]) => ({ name, body: Buffer.from(body), headers: JSON_TYPE })),
    ...encodings(text).map(([name, body]) => ({ name, body, headers: JSON_TYPE })),
    ...compressed(text),
    ...mistyped(text),
  ];
}

function texts(good: string): [string, string][] {
  return [
    ['empty', ''],
    ['cut in the middle', good.slice(0, Math.ceil(good.length / 2))],
    ['cut before its end', good.slice(0, -1)],
    ['twice', good + good],
    ['followed by text', `${good} ${PLANTED}`],
    ['with a comma too many', `${good.slice(0, -1)},}`],
    ['with a comment', `${good}/* ${PLANTED} */`],
    ...[
      'null',
      'true',
      '1',
      '[]',
      `"${PLANTED}"`,
      `["${PLANTED}"]`,
      '[[{}]]',
      'NaN',
      '-Infinity',
      '',
      ' ',
    ].map((scalar): [string, string] => [`just ${scalar}`, scalar]),
    ['deep arrays', '['.repeat(DEEP) + ']'.repeat(DEEP)],
    ['deep objects', `${'{"filter":'.repeat(DEEP / 5)}1${'}'.repeat(DEEP / 5)}`],
    ['deep and open', '['.repeat(4 * DEEP)],
    ...members().map(([name, member]): [string, string] => [name, withMember(good, member)]),
  ];
}

function withMember(good: string, member: string): string {
  return good === '{}' ? `{${member}}` : `${good.slice(0, -1)},${member}}`;
}

/** What an object may hold besides; most replace what it held before under that name. */
function members(): [string, string][] {
  const deep = '['.repeat(DEEP) + ']'.repeat(DEEP);
  const fields = [
    'name',
    'notes',
    'description',
    'comment',
    'clientState',
    'secret',
    'url',
    'resource',
  ];
  const values: [string, string][] = [
    ['a lone surrogate', `"\\ud800${PLANTED}"`],
    ['NUL', `"\\u0000${PLANTED}"`],
    ['line separators', `"\\u2028${PLANTED}\\u0085"`],
    ['a long text', `"${PLANTED.repeat(MANY)}"`],
    ['tags in tags', `"${'<b>'.repeat(6000)}${PLANTED}"`],
    ['open tags', `"${'<a href='.repeat(2000)}${PLANTED}"`],
    ['a list', `["${PLANTED}"]`],
    ['an object', `{"toString":"${PLANTED}"}`],
    ['an operator', `{"$gt":"","$where":"${PLANTED}"}`],
    ['something deep', deep],
    ['a number', '1e400'],
  ];
  return [
    ['__proto__', `"__proto__":{"role":"${PLANTED}","polluted":true}`],
    ['__proto__ as a list', `"__proto__":["${PLANTED}"]`],
    ['constructor', `"constructor":{"prototype":{"polluted":"${PLANTED}"}}`],
    [
      'names of every object',
      `"toString":"${PLANTED}","hasOwnProperty":1,"valueOf":null,"then":"${PLANTED}"`,
    ],
    [
      '__proto__ in the filter',
      `"filter":{"__proto__":{"polluted":true},"tenantId":["${PLANTED}"]}`,
    ],
    ['a key spelt with an escape', `"\\u005f_proto__":{"polluted":"${PLANTED}"}`],
    ['a key twice', `"name":"${PLANTED}","name":"a","name":{}`],
    ['an empty key', `"":"${PLANTED}"`],
    ['10,000 keys', Array.from({ length: MANY }, (_, n) => `"k${n}":"${PLANTED}"`).join(',')],
    ['10,000 ids', `"ids":[${`"${PLANTED}",`.repeat(MANY)}"a"]`],
    ['10,000 of a filter', `"filter":{"tenantId":[${'0,'.repeat(MANY)}0]}`],
    ['10,000 answers', `"answers":[${'{},'.repeat(MANY)}{}]`],
    ['changes without end', `"changeType":"${'created,'.repeat(MANY)}${PLANTED}"`],
    ['a time that is none', `"expirationDateTime":"2026-13-45T99:99:99Z${PLANTED}"`],
    ['a time far away', '"expirationDateTime":"9999-12-31T23:59:59.999999999999999999+23:59"'],
    ...['1e400', '-1e400', '1e-400', '9'.repeat(1000), '9007199254740993', '-0', '0.1'].flatMap(
      (number): [string, string][] => [
        [`concurrency of ${number.slice(0, 20)}`, `"concurrency":${number}`],
        [`overlapHours of ${number.slice(0, 20)}`, `"overlapHours":${number}`],
      ],
    ),
    ...fields.flatMap((field) =>
      values.map(([what, value]): [string, string] => [`${field}: ${what}`, `"${field}":${value}`]),
    ),
  ];
}

function encodings(good: string): [string, Uint8Array][] {
  const utf16 = Buffer.from(good, 'utf16le');
  const codePoints = Array.from(good, (letter) => letter.codePointAt(0) ?? 0);
  const utf32 = Buffer.alloc(4 * codePoints.length);
  for (const [at, codePoint] of codePoints.entries()) utf32.writeUInt32LE(codePoint, 4 * at);
  const around = (bytes: readonly number[]) =>
    Buffer.concat([Buffer.from('{"name":"'), Buffer.from(bytes), Buffer.from(`${PLANTED}"}`)]);
  return [
    ['UTF-8 with its mark', Buffer.from(`\uFEFF${good}`)],
    ['UTF-8 with its mark twice', Buffer.from(`\uFEFF\uFEFF${good}`)],
    ['UTF-16, little end first', utf16],
    ['UTF-16, little end first, with its mark', Buffer.concat([Buffer.from([0xff, 0xfe]), utf16])],
    ['UTF-16, big end first', Buffer.from(utf16).swap16()],
    ['UTF-32, little end first', utf32],
    ['UTF-32, big end first', Buffer.from(utf32).swap32()],
    ['UTF-32 with its mark', Buffer.concat([Buffer.from([0xff, 0xfe, 0, 0]), utf32])],
    ['invalid UTF-8', around([0xff, 0xfe, 0x80])],
    ['overlong UTF-8', around([0xc0, 0xaf, 0xe0, 0x80, 0xaf])],
    ['surrogates in UTF-8', around([0xed, 0xa0, 0x80])],
    ['UTF-8 cut in a letter', Buffer.from([0x22, 0xe2, 0x9c])],
    ['raw control characters', around([0, 7, 10, 13, 27])],
    ['NULs', Buffer.alloc(1000)],
  ];
}

const SPACES = Buffer.alloc(32 * 1024 * 1024, ' ');
const GZIP_BOMB = gzipSync(SPACES);
const BOMBS = [
  ['gzip', GZIP_BOMB],
  ['deflate', deflateSync(SPACES)],
  ['br', brotliCompressSync(SPACES, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } })],
  ['gzip, gzip', gzipSync(GZIP_BOMB)],
] as const;

function compressed(good: string): HostileJson[] {
  const of = (name: string, encoding: string, body: Uint8Array): HostileJson => ({
    name,
    body,
    headers: { ...JSON_TYPE, 'content-encoding': encoding },
  });
  return [
    ...BOMBS.map(([encoding, bomb]) => of(`a bomb, ${encoding}`, encoding, bomb)),
    of('gzip', 'gzip', gzipSync(good)),
    of('not what it says', 'gzip', Buffer.from(good)),
    of('an encoding that is none', PLANTED, Buffer.from(good)),
    { name: 'gzip without saying so', body: gzipSync(good), headers: JSON_TYPE },
  ];
}

function mistyped(good: string): HostileJson[] {
  const types = [
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=a',
    'application/xml',
    'application/jsonx',
    'application',
    'application/json, text/plain',
    'application/json;charset=utf-16',
    'application/json;charset=utf-7',
    `application/json;charset=${PLANTED}`,
    'application/json;;;',
    'application/vnd.api+json',
    `${PLANTED}/${PLANTED}`,
    '*/*',
  ];
  const body = Buffer.from(good);
  return [
    { name: 'without a type', body, headers: {} },
    ...types.map((type) => ({ name: `as ${type}`, body, headers: { 'content-type': type } })),
  ];
}
