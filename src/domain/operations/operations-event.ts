/** What the service tells its operators about itself; the last part of the CloudEvent's type. */
export type OperationsEventType =
  | 'Heartbeat'
  | 'SinkFailing'
  | 'SinkRecovered'
  | 'SinkDisabled'
  | 'DeadLetters'
  | 'BacklogGrowing'
  | 'DiskLow'
  | 'SubscriptionInDanger';

/** One event of the service's own. */
export interface OperationsEvent {
  readonly type: OperationsEventType;
  /** What it is about, as `<kind>/<id>`. */
  readonly subject: string;
  readonly organizationId: string;
  /** Flat, without secrets, addresses or bodies. */
  readonly data: Readonly<Record<string, string | number | null>>;
}

/** The type of the CloudEvent. */
export function operationsTypeOf(type: OperationsEventType): string {
  return `Sallyport.${type}`;
}
