import { readFileSync } from 'node:fs';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import { ROOT } from './project.ts';

const SCRIPT = readFileSync(`${ROOT}deploy/compose/mongo-healthy.js`, 'utf8');

/** As much of a MongoDB, and of its shell, as the health check touches. */
function createMongo() {
  const mongo = {
    setName: undefined as string | undefined,
    isWritablePrimary: false,
    initiated: [] as unknown[],
    users: new Map<string, { pwd: string; roles: unknown }>(),
  };
  const admin = {
    auth(user: string, pwd: string) {
      if (mongo.users.get(user)?.pwd !== pwd) throw new Error('Authentication failed');
      return { ok: 1 };
    },
    createUser({ user, pwd, roles }: { user: string; pwd: string; roles: unknown }) {
      if (mongo.users.has(user)) throw new Error(`${user} is there`);
      mongo.users.set(user, { pwd, roles });
    },
  };
  const shell = {
    require: () => ({ readFileSync: (path: string) => `secret of ${path}` }),
    db: { hello: () => ({ ...mongo }), getSiblingDB: () => admin },
    rs: { initiate: (config: unknown) => mongo.initiated.push(config) },
    print: () => undefined,
    quit(code: number) {
      throw new Error(`exit ${code}`);
    },
  };
  return { mongo, check: () => void runInNewContext(SCRIPT, { ...shell }) };
}

describe('the health check of MongoDB', () => {
  it('makes the replica set, and is not well before this server is its primary', () => {
    const { mongo, check } = createMongo();
    expect(check).toThrow('exit 1');
    expect(mongo.initiated).toEqual([{ _id: 'rs0', members: [{ _id: 0, host: 'mongo:27017' }] }]);
    mongo.setName = 'rs0';
    expect(check).toThrow('exit 1');
    expect(mongo.initiated).toHaveLength(1);
    expect(mongo.users.size).toBe(0);
  });

  it('makes the users once, the service’s for its database alone', () => {
    const { mongo, check } = createMongo();
    Object.assign(mongo, { setName: 'rs0', isWritablePrimary: true });
    check();
    expect(Object.fromEntries(mongo.users)).toEqual({
      root: { pwd: 'secret of /data/db/secrets/root', roles: ['root'] },
      sallyport: {
        pwd: 'secret of /data/db/secrets/sallyport',
        roles: [{ role: 'readWrite', db: 'sallyport' }],
      },
    });
    check();
  });

  it('goes on where a first start was cut short', () => {
    const { mongo, check } = createMongo();
    Object.assign(mongo, { setName: 'rs0', isWritablePrimary: true });
    mongo.users.set('root', { pwd: 'secret of /data/db/secrets/root', roles: ['root'] });
    check();
    expect([...mongo.users.keys()]).toEqual(['root', 'sallyport']);
  });
});
