// A webhook in a container of its own: keeps what is posted to it over TLS, and gives it, as JSON
// lines, to whoever asks on port 3000.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { text } from 'node:stream/consumers';

const bodies = [];
const pem = (kind) => readFileSync(`/receiver/tls/TEST-ONLY-receiver.${kind}.pem`);

createTlsServer({ key: pem('key'), cert: pem('crt') }, (request, response) => {
  text(request)
    .then((body) => {
      bodies.push(body);
      response.end();
    })
    .catch(() => response.destroy());
}).listen(3443);

createServer((_request, response) => response.end(bodies.join('\n'))).listen(3000);
