/** Graph's promise to notify us, as it was created at Graph; `clientState` is kept as a digest only. */
export interface Subscription {
  /** Graph's id, lower case; unique over all organisations. */
  readonly id: string;
  readonly organizationId: string;
  /** Lower case. */
  readonly tenantId: string;
  /** Lower case. */
  readonly applicationId: string;
  /** SHA-256 of the clientState, lower-case hex. */
  readonly clientStateDigest: string;
  /** As Graph knows it: `created,updated,deleted` or a part of it. */
  readonly changeType: string;
  /** Path relative to the Graph base URL, as it was subscribed. */
  readonly resource: string;
  readonly expirationAt: number;
  readonly includeResourceData: boolean;
  readonly encryptionCertificateId: string | null;
  readonly description: string | null;
  /** The operators' own remarks. */
  readonly notes: string | null;
  readonly createdAt: number;
  readonly updatedAt: number;
  /** Set by a soft delete; reads leave such subscriptions out, judging does not. */
  readonly deletedAt: number | null;
}

/** The fields of a subscription that may change, each by itself. */
export type SubscriptionChange = Partial<
  Pick<
    Subscription,
    | 'clientStateDigest'
    | 'changeType'
    | 'resource'
    | 'expirationAt'
    | 'includeResourceData'
    | 'encryptionCertificateId'
    | 'description'
    | 'notes'
  >
>;

/** What judging needs of a subscription: kept in memory for every active one, so it is small. */
export type KnownSubscription = Pick<
  Subscription,
  'id' | 'organizationId' | 'tenantId' | 'applicationId' | 'clientStateDigest' | 'deletedAt'
>;
