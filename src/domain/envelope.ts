/** What sealing gives. All fields but `keyId` are lower-case hex; AES-256-GCM. */
export interface Envelope {
  /** Names the key of the ring that opens it. */
  readonly keyId: string;
  readonly encrypted: string;
  /** 12 bytes, fresh for each sealing. */
  readonly iv: string;
  /** 16 bytes. */
  readonly tag: string;
}
