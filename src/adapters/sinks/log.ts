import type { Log } from '../../ports/log.ts';
import type { NotificationSink } from '../../ports/notification-sink.ts';

// A genuine item may name a path of any length; a line of the log should stay one.
const MAX_SUBJECT = 512;

/** Writes one line an event, never its data; the sink of a fresh installation. */
export function createLogSink({ log }: { log: Log }): NotificationSink {
  return {
    async deliver({ id, type, subject, sequence }, { signal }) {
      if (signal.aborted) return { outcome: 'aborted' };
      log.info({ id, type, subject: subject.slice(0, MAX_SUBJECT), sequence }, 'event');
      return { outcome: 'delivered', status: null, body: '' };
    },
  };
}
