// MongoDB's health check, for mongosh: well is a primary that the service can log in to. What is
// missing for that it makes, at the first start and after one that was cut short: the replica set,
// and the users, of whom MongoDB lets the first be made from the same machine without a login.
const { readFileSync } = require('node:fs');

const admin = db.getSiblingDB('admin');
const password = (user) => readFileSync(`/data/db/secrets/${user}`, 'utf8');

function logsIn(user) {
  try {
    return admin.auth(user, password(user)).ok === 1;
  } catch {
    return false;
  }
}

function makeUsers() {
  if (!logsIn('root')) {
    admin.createUser({ user: 'root', pwd: password('root'), roles: ['root'] });
    admin.auth('root', password('root'));
  }
  const roles = [{ role: 'readWrite', db: 'sallyport' }];
  admin.createUser({ user: 'sallyport', pwd: password('sallyport'), roles });
}

const { setName, isWritablePrimary } = db.hello();
if (setName === undefined) {
  rs.initiate({ _id: 'rs0', members: [{ _id: 0, host: 'mongo:27017' }] });
}
if (setName === undefined || !isWritablePrimary) {
  print('not yet primary');
  quit(1);
}
if (!logsIn('sallyport')) makeUsers();
print('PRIMARY');
