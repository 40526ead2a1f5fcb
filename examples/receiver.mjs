// A webhook that takes nothing but what Sallyport signed; docs/delivery.md says why it is as it is.
//   WEBHOOK_SECRET=whsec_… node examples/receiver.mjs
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { Webhook, WebhookVerificationError } from 'standardwebhooks';

const MAX_BYTES = 10 * 1024 * 1024;
const webhook = new Webhook(process.env.WEBHOOK_SECRET ?? '');
const seen = new Set(); // in earnest a unique key of your database, which outlives this process

async function receive(request, response) {
  // Sallyport always says how long a body is; before the signature anybody may be calling.
  const length = Number(request.headers['content-length'] ?? Infinity);
  if (length > MAX_BYTES) {
    response.writeHead(413, { connection: 'close' }).end();
    return;
  }
  // The text as it came: a signature does not fit JSON that was parsed and put together again.
  const body = await text(request);
  try {
    handle(webhook.verify(body, request.headers));
    response.writeHead(204).end(); // last, since an event that was answered does not come again
  } catch (error) {
    const isForged = error instanceof WebhookVerificationError;
    process.stdout.write(`${isForged ? 'refused' : 'failed'}: ${error.message}\n`);
    response.writeHead(isForged ? 401 : 500).end();
  }
}

function handle({ id, type, sequence }) {
  process.stdout.write(`${seen.has(id) ? 'again' : 'received'}: ${type} ${id} ${sequence}\n`);
  seen.add(id);
}

const server = createServer((request, response) => {
  receive(request, response).catch(() => response.destroy()); // the sender went away
});
server.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  process.stdout.write(`receiving on port ${server.address().port}\n`);
});
