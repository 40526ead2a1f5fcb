import type { AuditEntry } from '../audit/audit-entry.ts';

/** Who a request acts for, and from where: what use cases decide by and the audit writes down. */
export interface Principal {
  readonly organizationId: string;
  /** `operator` for the holder of the operator's key. */
  readonly id: string;
  readonly ipAddress: string | undefined;
  readonly userAgent: string | undefined;
  readonly requestId: string;
}

/** The part of an audit entry that says who acted. */
export function actorOf(
  principal: Principal,
): Pick<AuditEntry, 'organizationId' | 'userId' | 'ipAddress' | 'userAgent' | 'requestId'> {
  const { id, ...rest } = principal;
  return { userId: id, ...rest };
}
