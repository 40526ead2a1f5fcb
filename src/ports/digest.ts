/** One-way digests, comparisons that tell nothing by their time, and random values. */
export interface Digest {
  /** SHA-256 of the text's UTF-8 bytes, 64 lower-case hex digits (FIPS 180-4). */
  sha256(text: string): string;

  /** Whether `digest` is the SHA-256 of `text`; in constant time for whatever text. */
  same(text: string, digest: string): boolean;

  /** Whether two digests are equal, in constant time; `false` for values that are no digest. */
  sameDigest(a: string, b: string): boolean;

  /** `bytes` random bytes from a CSPRNG, in base64url without padding; at least 16. */
  randomToken(bytes: number): string;

  /** A random id, RFC 9562 version 4, lower case. */
  randomId(): string;
}
