import { describe, expect, it } from '@jest/globals';
import { createLogSink } from '../../src/adapters/sinks/log.ts';
import type { Log, LogFields } from '../../src/ports/log.ts';
import {
  describeNotificationSink,
  eventOf,
  tryOf,
} from '../contracts/notification-sink.contract.ts';

function recordingLog() {
  const lines: { level: string; fields: LogFields; message: string }[] = [];
  const at = (level: string) => (fields: LogFields, message: string) =>
    void lines.push({ level, fields, message });
  const log: Log = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  return { log, lines };
}

describeNotificationSink('log', async () => {
  const { log, lines } = recordingLog();
  return {
    sink: createLogSink({ log }),
    arrived: () => lines.map(({ fields }) => String(fields['id'])),
    confidential: [],
    logged: () => JSON.stringify(lines),
    close: async () => undefined,
  };
});

describe('log sink', () => {
  it('writes one line with id, type, subject and sequence, and nothing else', async () => {
    const { log, lines } = recordingLog();
    await createLogSink({ log }).deliver(eventOf('one'), tryOf('one_sink'));
    const { id, type, subject, sequence } = eventOf('one');
    expect(lines).toEqual([
      { level: 'info', fields: { id, type, subject, sequence }, message: 'event' },
    ]);
  });
});
