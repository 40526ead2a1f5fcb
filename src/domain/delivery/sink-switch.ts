import type { SinkChange } from './sink.ts';

/** How somebody may switch a sink by hand. Both ways of being off keep what waits for it. */
export type SinkSwitch = 'enabled' | 'disabled' | 'paused';

/** What a switch changes: it overrules whatever the sink was before, the service's own doing too. */
export function switched(to: SinkSwitch): SinkChange {
  switch (to) {
    case 'enabled':
      return { enabled: true, disabledReason: null, failingSince: null };
    case 'disabled':
      return { enabled: false, disabledReason: null };
    case 'paused':
      return { enabled: false, disabledReason: 'paused' };
  }
}
