import type { Command } from 'commander';

export interface FilterOptions {
  readonly tenant?: string[];
  readonly subscription?: string[];
  readonly resource?: string[];
  readonly change?: string[];
  readonly lifecycle?: string;
}

/** The options that say which events a sink gets. */
export function withSinkFilter(command: Command): Command {
  return command
    .option('--tenant <ids...>', 'only events of these tenants')
    .option('--subscription <ids...>', 'only events of these subscriptions')
    .option('--resource <paths...>', 'only events of what is below these')
    .option('--change <types...>', 'only created, updated or deleted')
    .option('--lifecycle <which>', 'lifecycle notifications: none, also or only');
}

/** As the API has it; JSON leaves out what is undefined. */
export function toSinkFilter(options: FilterOptions): object {
  return {
    tenantId: options.tenant,
    subscriptionId: options.subscription,
    resource: options.resource,
    changeType: options.change,
    lifecycle: options.lifecycle,
  };
}
