import type { Log } from '../../ports/log.ts';
import type { NotificationSink } from '../../ports/notification-sink.ts';

/** Writes one line an event, never its data; the sink of a fresh installation. */
export function createLogSink({ log }: { log: Log }): NotificationSink {
  return {
    async deliver({ id, type, subject, sequence }, { signal }) {
      if (signal.aborted) return { outcome: 'aborted' };
      log.info({ id, type, subject, sequence }, 'event');
      return { outcome: 'delivered', status: null, body: '' };
    },
  };
}
