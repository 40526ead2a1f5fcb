import { lookup as dnsLookup, type LookupOptions } from 'node:dns';
import { describe, expect, it } from '@jest/globals';
import { createAddressGuard, type LookupAll } from '../../src/adapters/sinks/address-guard.ts';

function guardOf({ allowLoopback = false, allowed = [] as readonly string[] } = {}) {
  return createAddressGuard({ allowedAddresses: allowed, allowLoopback, lookup: dnsLookup });
}

const PUBLIC = ['1.1.1.1', '8.8.8.8', '172.32.0.1', '100.128.0.1', '2606:4700::1111', '2a00::1'];
const LOOPBACK = ['127.0.0.1', '127.255.255.254', '::1', '0:0:0:0:0:0:0:1'];

// What each leads to, when it is not refused.
const REFUSED = {
  'this network': ['0.0.0.0', '0.1.2.3', '::'],
  'a private network': ['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', 'fd00::1'],
  'cloud metadata, link-local': ['169.254.169.254', 'fe80::1', 'fe80::1%eth0', 'fd00:ec2::254'],
  'a provider’s network': ['100.64.0.1', '100.127.255.255'],
  'many at once': ['224.0.0.1', '239.255.255.250', '255.255.255.255', 'ff02::1'],
  'tests, documentation, nobody': ['192.0.2.1', '198.18.0.1', '203.0.113.1', '240.0.0.1'],
  'the same in IPv6': ['2001:db8::1', '3fff::1', '100::1', '2001:2::1', '4000::1', 'fec0::1'],
  'IPv4 mapped': ['::ffff:127.0.0.1', '::ffff:10.0.0.1', '::ffff:8.8.8.8', '::ffff:0:8.8.8.8'],
  'IPv4 compatible': ['::127.0.0.1', '::a9fe:a9fe'],
  NAT64: ['64:ff9b::7f00:1', '64:ff9b::8.8.8.8', '64:ff9b:1::a9fe:a9fe'],
  '6to4': ['2002:7f00:1::', '2002:808:808::'],
  Teredo: ['2001::1', '2001:0:4136:e378:8000:63bf:3fff:fdd2'],
  'no address': [
    '',
    'localhost',
    'example.com',
    '1.2.3',
    '1.2.3.4.5',
    '0x7f.1',
    '127.1',
    '2130706433',
    '0177.0.0.1',
    '1.1.1.1:80',
    ':::',
    '[::1]',
  ],
};

describe('AddressGuard', () => {
  it.each(PUBLIC)('allows %s, which is public', (address) => {
    expect(guardOf().allows(address)).toBe(true);
  });

  const refused = Object.entries(REFUSED).flatMap(([to, all]) => all.map((one) => [one, to]));
  it.each(refused)('refuses %j, leading to %s', (address) => {
    expect(guardOf().allows(address)).toBe(false);
    expect(guardOf({ allowLoopback: true }).allows(address)).toBe(false);
  });

  it.each(LOOPBACK)('allows %s only where loopback is', (address) => {
    expect(guardOf().allows(address)).toBe(false);
    expect(guardOf({ allowLoopback: true }).allows(address)).toBe(true);
  });

  it('allows the ranges that are named, and nothing beside them', () => {
    const guard = guardOf({ allowed: ['10.1.0.0/16', 'fd00::/8', '::ffff:10.2.0.0/112'] });
    for (const address of ['10.1.0.0', '10.1.255.255', 'fd12::1', '::ffff:10.2.3.4']) {
      expect(guard.allows(address)).toBe(true);
    }
    for (const address of ['10.0.255.255', '10.2.0.0', 'fc00::1', '::ffff:10.1.0.1']) {
      expect(guard.allows(address)).toBe(false);
    }
  });

  it.each(['10.0.0.1', '10.0.0.0/33', 'private', '', '::1/129', '10.0.0.0/-1'])(
    'does not start with %j for a range',
    (range) => {
      expect(() => guardOf({ allowed: [range] })).toThrow(/address/);
    },
  );

  describe('lookup', () => {
    const addresses = ['10.0.0.1', '2606:4700::1111', '::ffff:8.8.8.8', '1.1.1.1'].map(
      (address) => ({ address, family: address.includes(':') ? 6 : 4 }),
    );
    const found = (given: typeof addresses, options: LookupOptions) =>
      new Promise((resolve) => {
        const { lookup } = createAddressGuard({
          allowedAddresses: [],
          allowLoopback: false,
          lookup: (_name, _options, callback) => callback(null, given),
        });
        lookup('receiver.test', options, (error, ...answer) => resolve(error ?? answer));
      });

    it('gives the allowed addresses and no other', async () => {
      const [, six, , four] = addresses;
      expect(await found(addresses, { all: true })).toEqual([[six, four]]);
    });

    it('gives the first allowed address to who asks for one', async () => {
      expect(await found(addresses, {})).toEqual(['2606:4700::1111', 6]);
    });

    it('refuses a name that has no allowed address, or none at all', async () => {
      const refused = expect.objectContaining({ reason: 'address-refused' });
      expect(await found(addresses.slice(0, 1), { all: true })).toEqual(refused);
      expect(await found([], {})).toEqual(refused);
    });
  });

  describe('look-ups of one name', () => {
    const all: LookupOptions = { all: true };

    /** A guard over a name server that answers when told, and what each who asked was given. */
    function silent() {
      const asked: { name: string; answer: Parameters<LookupAll>[2] }[] = [];
      const { lookup } = createAddressGuard({
        allowedAddresses: [],
        allowLoopback: false,
        lookup: (name, _options, answer) => asked.push({ name, answer }),
      });
      const told: unknown[] = [];
      const ask = (name: string, options: LookupOptions = all) =>
        lookup(name, options, (error, addresses) => told.push(error ?? addresses));
      return { asked, told, ask };
    }

    const found = [{ address: '1.1.1.1', family: 4 }];

    it('are one while it is under way, and each who asked is answered', () => {
      const { asked, told, ask } = silent();
      for (const name of ['a.test', 'a.test', 'b.test', 'a.test']) ask(name);
      expect(asked.map(({ name }) => name)).toEqual(['a.test', 'b.test']);
      asked[0]?.answer(null, found);
      expect(told).toEqual([found, found, found]);
    });

    it('fail for each who asked', () => {
      const { asked, told, ask } = silent();
      ask('a.test');
      ask('a.test');
      asked[0]?.answer(new Error('ENOTFOUND'), []);
      expect(told).toEqual(Array(2).fill(expect.objectContaining({ reason: 'dns' })));
    });

    it('are begun anew once there is an answer: it is not kept', () => {
      const { asked, told, ask } = silent();
      ask('a.test');
      asked[0]?.answer(null, found);
      ask('a.test');
      asked[1]?.answer(null, [{ address: '10.0.0.1', family: 4 }]);
      const refused = expect.objectContaining({ reason: 'address-refused' });
      expect(told).toEqual([found, refused]);
    });

    it('are not shared by who asks for another family', () => {
      const { asked, ask } = silent();
      ask('a.test', { all: true, family: 4 });
      ask('a.test', { all: true, family: 6 });
      expect(asked).toHaveLength(2);
    });
  });
});
