import { expect, it } from '@jest/globals';
import { openMongo } from '../../src/adapters/mongo/database.ts';
import { mongoOptions, withDatabase } from '../support/mongo.ts';
import { describeOn } from '../support/services.ts';

await describeOn('mongodb', 'what is promised of MongoDB', (server) => {
  it.each([
    'journal=false',
    'w=0&wtimeoutMS=5',
    'readConcernLevel=local',
    'readPreference=secondary',
  ])('is not weakened by a URL with %s', async (option) => {
    const mongo = await openMongo(mongoOptions(`${withDatabase(server.url)}?${option}`));
    const { writeConcern, readConcern, readPreference } = mongo.db.collection('receipts');
    expect(writeConcern).toMatchObject({ w: 'majority', j: true });
    expect(writeConcern).not.toHaveProperty('wtimeoutMS', 5);
    expect(readConcern?.level).toBe('majority');
    expect(readPreference?.mode).toBe('primary');
    await mongo.close();
  });
});
