export type AuditSeverity = 'LOW' | 'MEDIUM' | 'HIGH' | 'CRITICAL';
export type AuditOutcome = 'SUCCESS' | 'FAILURE' | 'ERROR';

/** One security-relevant act; appended, never changed. */
export interface AuditEntry {
  /** `AUTH_*`, `DATA_*`, `SECURITY_*`, `SYSTEM_*` or `ADMIN_*`. */
  readonly eventType: string;
  readonly severity: AuditSeverity;
  readonly outcome: AuditOutcome;
  readonly organizationId: string;
  /** Who acted; missing when it was the service itself or a stranger. */
  readonly userId?: string | undefined;
  readonly ipAddress?: string | undefined;
  readonly userAgent?: string | undefined;
  /** What was acted upon, as `<kind>/<id>`. */
  readonly resource?: string | undefined;
  readonly action?: string | undefined;
  readonly requestId?: string | undefined;
  /** Flat, without secrets, tokens, bodies or mail addresses. */
  readonly details?: Readonly<Record<string, string | number | boolean | null>> | undefined;
  readonly errorMessage?: string | undefined;
}

/** An entry as it was kept. */
export interface RecordedAuditEntry extends AuditEntry {
  readonly id: string;
  /** Epoch milliseconds. */
  readonly timestamp: number;
}
