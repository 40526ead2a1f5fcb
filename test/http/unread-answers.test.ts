import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { TurnedClock } from '../support/clock.ts';
import { startService, type TestService } from '../support/service.ts';
import { until } from '../support/wait.ts';

const HANDSHAKE = [
  `POST /webhooks/graph?validationToken=${'a'.repeat(2000)} HTTP/1.1`,
  'Host: localhost',
  'Content-Length: 0',
  '\r\n',
].join('\r\n');
// Their answers are more than the system keeps for one that reads nothing.
const MANY = 8000;

describe('one who asks much and reads nothing', () => {
  const clock = new TurnedClock();
  let service: TestService;
  beforeAll(async () => {
    service = await startService({ clock });
  });
  afterAll(() => service.close());

  it('does not pass for a service that is slow', async () => {
    const { hostname, port } = new URL(service.url);
    const client = connect(Number(port), hostname).pause();
    await once(client, 'connect');
    client.write(HANDSHAKE.repeat(MANY));
    const answered = () =>
      service.metric(
        'http_requests_total',
        '{method="POST",route="/webhooks/graph",status_code="200"}',
      );
    let before = 0;
    await until(async () => {
      const now = await answered();
      const isStuck = now > 0 && now === before && client.writableLength > 0;
      before = now;
      return isStuck;
    }, 'nothing more is asked before something is read');
    await clock.turn(11_000);
    const gone = once(client, 'close');
    client.destroy();
    await gone;
    await until(
      async () =>
        (await service.metric('graph_ack_duration_seconds_count', '{kind="handshake"}')) >= before,
      'all are counted',
    );
    expect(await service.metric('graph_ack_slow_ratio')).toBe(0);
    expect(await service.metric('graph_ack_drop_ratio')).toBe(0);
  });
});
