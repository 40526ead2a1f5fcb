import { describe, expect, it } from '@jest/globals';
import {
  checkedStoreName,
  refuseFieldsOfOthers,
  requireDestination,
} from '../../../src/domain/delivery/sink-fields.ts';
import { ValidationError } from '../../../src/domain/errors.ts';
import type { SinkKind } from '../../../src/domain/delivery/sink.ts';

const ALL = { url: 'u', secret: 's', headers: null, stream: 'st', collection: 'c' };

function pathsOf(check: () => void): string[] {
  try {
    check();
    return [];
  } catch (error) {
    if (!(error instanceof ValidationError)) throw error;
    return error.details.map(({ path }) => path);
  }
}

describe('fields that one kind has alone', () => {
  it.each<[SinkKind, string[]]>([
    ['webhook', ['stream', 'collection']],
    ['redis-stream', ['url', 'secret', 'headers', 'collection']],
    ['mongo-collection', ['url', 'secret', 'headers', 'stream']],
    ['log', ['url', 'secret', 'headers', 'stream', 'collection']],
    ['listen', ['url', 'secret', 'headers', 'stream', 'collection']],
  ])('are refused for another: %s', (kind, refused) => {
    expect(pathsOf(() => refuseFieldsOfOthers(kind, ALL))).toEqual(refused);
    const none = { url: undefined, stream: undefined, collection: undefined };
    expect(pathsOf(() => refuseFieldsOfOthers(kind, none))).toEqual([]);
  });

  it.each<[SinkKind, string[]]>([
    ['webhook', ['url']],
    ['redis-stream', ['stream']],
    ['mongo-collection', ['collection']],
    ['log', []],
    ['listen', []],
  ])('are needed where they say where it leads: %s', (kind, needed) => {
    expect(pathsOf(() => requireDestination(kind, {}))).toEqual(needed);
    expect(pathsOf(() => requireDestination(kind, ALL))).toEqual([]);
  });
});

describe('the name of a stream or a collection', () => {
  it.each(['a', 'Orders_2-x', '-', '0', 'x'.repeat(64)])('may be %s', (name) => {
    expect(checkedStoreName('stream', name)).toBe(name);
  });

  it.each([
    ['nothing', ''],
    ['long', 'x'.repeat(65)],
    ['a key of another organisation', 'a:b'],
    ['a namespace of MongoDB', 'a.b'],
    ['a system collection', '$cmd'],
    ['two words', 'a b'],
    ['two lines', 'a\n'],
    ['a C string', 'a\0b'],
    ['a path', '../a'],
    ['a letter that only looks like one', 'а'],
  ])('may not be %s', (_what, name) => {
    expect(pathsOf(() => checkedStoreName('collection', name))).toEqual(['collection']);
  });
});
