import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { MalformedBodyError } from '../../../src/domain/errors.ts';
import { readCollection, readItem } from '../../../src/domain/notifications/read-collection.ts';

const ITEM = {
  subscriptionId: 'AB-1',
  tenantId: 'CD-2',
  clientState: 'secret',
  changeType: 'created',
  resource: 'Users/A/Messages/B',
};
const read = (...items: readonly unknown[]) => readCollection(JSON.stringify({ value: items }));
const readOne = (change: object) => read({ ...ITEM, ...change }, ITEM);

function errorOf(text: string): unknown {
  try {
    return readCollection(text);
  } catch (error) {
    return error;
  }
}

describe('reading a collection', () => {
  it('gives each item its place, ids in lower case, and its text without the clientState', () => {
    const text = JSON.stringify({ value: [null, ITEM, { ...ITEM, subscriptionId: 'ab-3' }] });
    const { items, malformed } = readCollection(text);
    expect(malformed).toBe(1);
    expect(items).toEqual([
      {
        place: 1,
        subscriptionId: 'ab-1',
        tenantId: 'cd-2',
        clientState: 'secret',
        encrypted: false,
        text: '{"subscriptionId":"AB-1","tenantId":"CD-2","changeType":"created","resource":"Users/A/Messages/B"}',
      },
      expect.objectContaining({ place: 2, subscriptionId: 'ab-3' }),
    ]);
  });

  it.each([
    ['a changeType nobody knows', { changeType: 'renamed' }],
    [
      'a lifecycle event instead of a change',
      { changeType: undefined, resource: undefined, lifecycleEvent: 'missed' },
    ],
    ['an id that is no text', { id: { a: 1 } }],
    ['resourceData of any type', { resourceData: [1] }],
    ['ids of 128 characters', { subscriptionId: 'x'.repeat(128), tenantId: 'y'.repeat(128) }],
  ])('takes %s', (_, change) => {
    expect(readOne(change).items).toHaveLength(2);
  });

  it.each([
    ['subscriptionId is empty', { subscriptionId: '' }],
    ['subscriptionId is too long', { subscriptionId: 'x'.repeat(129) }],
    ['subscriptionId is a number', { subscriptionId: 1 }],
    ['tenantId is missing', { tenantId: undefined }],
    ['tenantId is too long', { tenantId: 'x'.repeat(129) }],
    ['changeType is missing', { changeType: undefined }],
    ['changeType is no text', { changeType: ['created'] }],
    ['resource is empty', { resource: '' }],
    [
      'lifecycleEvent is empty and changeType is missing',
      { changeType: undefined, lifecycleEvent: '' },
    ],
  ])('counts an item as malformed and reads its neighbour when %s', (_, change) => {
    const { items, malformed } = readOne(change);
    expect(malformed).toBe(1);
    expect(items.map(({ place }) => place)).toEqual([1]);
  });

  it('tells a clientState that is missing or no text from an empty one', () => {
    const states = [undefined, null, 1, ['secret'], ''].map((clientState) => ({
      ...ITEM,
      clientState,
    }));
    expect(read(...states).items.map(({ clientState }) => clientState)).toEqual([
      null,
      null,
      null,
      null,
      '',
    ]);
  });

  it('drops an encryptedContent that is null, and keeps one that is there', () => {
    const content = { data: 'AAAA' };
    const { items } = read(
      { ...ITEM, encryptedContent: null },
      { ...ITEM, encryptedContent: content },
    );
    expect(items.map(({ encrypted }) => encrypted)).toEqual([false, true]);
    expect(items[0]?.text).not.toContain('encryptedContent');
    expect(items[1]?.text).toContain('"encryptedContent":{"data":"AAAA"}');
  });

  it('reads what is well-formed JSON however it is spelt', () => {
    const text = ` {"validationTokens":["a",1],"valu\\u0065" :\n[ {"subscriptionId":"a","tenantId":"t","client\\u0053tate" : "s", "lifecycleEvent":"missed" } ] }`;
    const { items, validationTokens } = readCollection(text);
    expect(validationTokens).toEqual(['a']);
    expect(items[0]?.clientState).toBe('s');
    expect(items[0]?.text).toBe(
      '{"subscriptionId":"a","tenantId":"t", "lifecycleEvent":"missed" }',
    );
  });

  it('refuses items of which none names a subscription, but not one that is only malformed', () => {
    expect(() => read(null, {}, { subscriptionId: 1 })).toThrow(MalformedBodyError);
    expect(read({ subscriptionId: 'a' })).toMatchObject({ items: [], malformed: 1 });
  });

  it('does not quote the body in its error', () => {
    const error = errorOf('{"value":[{"clientState":"secret"},,]}');
    expect(error).toMatchObject({ code: 'MALFORMED_BODY' });
    expect(error).not.toHaveProperty('cause');
    expect(String(error)).not.toContain('secret');
  });
});

describe('reading one item', () => {
  it('gives what expansion needs', () => {
    const resourceData = { '@odata.type': '#Microsoft.Graph.Message', '@odata.etag': 'W/"1"' };
    expect(
      readItem(JSON.stringify({ ...ITEM, id: 'n', resourceData, encryptedContent: {} })),
    ).toEqual({
      id: 'n',
      changeType: 'created',
      resource: 'Users/A/Messages/B',
      etag: 'W/"1"',
      odataType: '#Microsoft.Graph.Message',
      lifecycleEvent: null,
      tenantId: 'cd-2',
      encrypted: true,
    });
  });

  it('takes what is empty or of another type for missing', () => {
    const resourceData = { '@odata.type': 1, '@odata.etag': '' };
    const facts = readItem(
      JSON.stringify({ ...ITEM, id: '', changeType: 1, resource: null, resourceData }),
    );
    expect(facts).toMatchObject({
      id: null,
      changeType: null,
      resource: null,
      etag: null,
      odataType: null,
    });
    expect(readItem(JSON.stringify({ ...ITEM, resourceData: null }))).toMatchObject({ etag: null });
  });
});

describe('the samples', () => {
  const folder = new URL('../../fixtures/graph/', import.meta.url);
  const files = readdirSync(folder).filter((name) => /^x?\d\d-.*\.json$/.test(name));

  it.each(files)('%s: every item, and no clientState in what is kept', (file) => {
    const text = readFileSync(new URL(file, folder), 'utf8');
    const { items, malformed } = readCollection(text);
    expect(malformed).toBe(0);
    expect(items.length).toBeGreaterThan(0);
    for (const item of items) {
      expect(item.text).not.toContain('clientState');
      expect(readItem(item.text)).toMatchObject({
        tenantId: item.tenantId,
        encrypted: item.encrypted,
      });
    }
  });

  it('keep an integer beyond 2^53', () => {
    const file = new URL('10-user-updated.json', folder);
    const [item] = readCollection(readFileSync(file, 'utf8')).items;
    const integers = item?.text.match(/\b\d{17,}\b/g) ?? [];
    expect(integers.filter((digits) => String(Number(digits)) !== digits)).not.toEqual([]);
  });
});

describe('a collection that gives "value" twice', () => {
  it.each(['{"a":1}', '"text"', '[]', '12', 'null'])('is refused, also after %s', (first) => {
    expect(() => readCollection(`{"value":${first},"value":[]}`)).toThrow(MalformedBodyError);
  });
});
