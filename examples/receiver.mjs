// A webhook that takes nothing but what Sallyport signed. docs/delivery.md says why each step is there.
//   WEBHOOK_SECRET=whsec_… node examples/receiver.mjs
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { Webhook, WebhookVerificationError } from 'standardwebhooks';

const webhook = new Webhook(process.env.WEBHOOK_SECRET ?? '');
const seen = new Set(); // in earnest a unique key of your database, which outlives this process

async function receive(request, response) {
  // The text as it came: a signature fits no JSON that was parsed and put together again.
  const body = await text(request);
  try {
    handle(webhook.verify(body, request.headers));
    response.writeHead(204).end(); // only now: an event that was answered does not come again
  } catch (error) {
    const refused = error instanceof WebhookVerificationError;
    process.stdout.write(refused ? `refused: ${error.message}\n` : `failed: ${error}\n`);
    response.writeHead(refused ? 401 : 500).end();
  }
}

function handle({ id, type, sequence }) {
  process.stdout.write(`${seen.has(id) ? 'again' : 'received'}: ${type} ${id} ${sequence}\n`);
  seen.add(id);
}

createServer((request, response) => {
  receive(request, response).catch(() => response.destroy()); // the sender went away
}).listen(3000, '127.0.0.1', () => process.stdout.write('receiving on http://127.0.0.1:3000\n'));
