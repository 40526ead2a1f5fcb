/** What went wrong, in the caller's terms. It alone decides the HTTP status. */
export type ErrorKind =
  | 'invalid'
  | 'unauthenticated'
  | 'forbidden'
  | 'missing'
  | 'method_not_allowed'
  | 'not_acceptable'
  | 'misdirected'
  | 'slow'
  | 'conflict'
  | 'too_large'
  | 'unsupported'
  | 'locked'
  | 'limited'
  | 'unavailable';

/** Base of every failure this service expects; anything else that is thrown is a bug. */
export abstract class ServiceError extends Error {
  abstract readonly kind: ErrorKind;
  /** Part of the API: clients branch on it, so it never changes meaning. */
  abstract readonly code: string;
  // `message` goes to clients too: it names no host, key, query or person.

  override get name(): string {
    return this.constructor.name;
  }
}

/** One thing that is wrong with a request, by the path of the field. */
export interface ErrorDetail {
  readonly path: string;
  readonly message: string;
}

/** The request does not have the shape that the route documents. */
export class ValidationError extends ServiceError {
  readonly kind = 'invalid';
  readonly code = 'VALIDATION_ERROR';
  readonly details: readonly ErrorDetail[];

  constructor(details: readonly ErrorDetail[]) {
    super('The request is not valid; see details');
    this.details = details;
  }
}

/** The body cannot be read as what the route takes: not JSON, not UTF-8, not a collection. */
export class MalformedBodyError extends ServiceError {
  readonly kind = 'invalid';
  readonly code = 'MALFORMED_BODY';
}

/** The endpoint validation request of Graph carries no token that may be echoed. */
export class ValidationTokenError extends ServiceError {
  readonly kind = 'invalid';
  readonly code = 'VALIDATION_TOKEN';
}

/** No credential, or a wrong one. */
export class UnauthenticatedError extends ServiceError {
  readonly kind = 'unauthenticated';
  readonly code = 'UNAUTHENTICATED';
}

/** The credential may be good; it does not count from there, or not for this. */
export class ForbiddenError extends ServiceError {
  readonly kind = 'forbidden';
  readonly code = 'FORBIDDEN';
}

/** There is no such thing, or it is not the caller's to see. */
export class NotFoundError extends ServiceError {
  readonly kind = 'missing';
  readonly code = 'NOT_FOUND';
}

/** The path exists, the method does not. */
export class MethodNotAllowedError extends ServiceError {
  readonly kind = 'method_not_allowed';
  readonly code = 'METHOD_NOT_ALLOWED';
}

/** The client takes none of the types that the path has. */
export class NotAcceptableError extends ServiceError {
  readonly kind = 'not_acceptable';
  readonly code = 'NOT_ACCEPTABLE';
}

/** The request is for a host that is not served here (RFC 9110 §15.5.20). */
export class HostNotAllowedError extends ServiceError {
  readonly kind = 'misdirected';
  readonly code = 'HOST_NOT_ALLOWED';
}

/** Somebody else was there first. */
export class ConflictError extends ServiceError {
  readonly kind = 'conflict';
  readonly code = 'CONFLICT';
}

/** The body is larger than the route takes. */
export class PayloadTooLargeError extends ServiceError {
  readonly kind = 'too_large';
  readonly code = 'PAYLOAD_TOO_LARGE';
}

/** The body is of a type or an encoding that the route does not take. */
export class UnsupportedMediaTypeError extends ServiceError {
  readonly kind = 'unsupported';
  readonly code = 'UNSUPPORTED_MEDIA_TYPE';
}

/** The caller did not send its body in time. */
export class BodyTimeoutError extends ServiceError {
  readonly kind = 'slow';
  readonly code = 'BODY_TIMEOUT';
}

/** The client has used up what its policy allows for this window. */
export class QuotaExceededError extends ServiceError {
  readonly kind = 'limited';
  readonly code: string = 'RATE_LIMIT_EXCEEDED';
  readonly retryAfterMs: number;

  constructor(retryAfterMs: number) {
    super('Too many requests, please try again later');
    this.retryAfterMs = retryAfterMs;
  }
}

/** The same for guesses at who somebody is. */
export class AuthQuotaExceededError extends QuotaExceededError {
  override readonly code = 'AUTH_RATE_LIMIT_EXCEEDED';
}

/**
 * Something that this service needs did not answer in time, refused, or is full. Nothing was
 * acknowledged; the same request may succeed later.
 */
export class UnavailableError extends ServiceError {
  readonly kind = 'unavailable';
  readonly code: string = 'SERVICE_UNAVAILABLE';
  readonly retryAfterMs: number;

  constructor(message: string, options?: { retryAfterMs?: number; cause?: unknown }) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause });
    this.retryAfterMs = options?.retryAfterMs ?? 1000;
  }
}

/** The request took longer than any may; what it had not begun was not begun any more. */
export class RequestTimeoutError extends UnavailableError {
  override readonly code = 'REQUEST_TIMEOUT';

  constructor() {
    super('The request took too long and was given up');
  }
}

/**
 * A store did not answer within its time limit, or refused. `store` is for the log; the message
 * does not name it.
 */
export class StoreUnavailableError extends UnavailableError {
  readonly store: string;

  constructor(store: string, cause?: unknown) {
    super('A store is unavailable; nothing was acknowledged', { cause });
    this.store = store;
  }
}

/** More is being held in memory or waits on disk than the limits allow; nothing was stored. */
export class OverloadedError extends UnavailableError {}

/**
 * A sealed value does not open: altered, cut, moved to another place, or sealed by somebody else.
 * One error for every cause, so that it cannot be used as an oracle (ASVS V11.2.5).
 */
export class TamperedError extends ServiceError {
  readonly kind = 'unavailable';
  readonly code = 'TAMPERED';

  constructor() {
    super('A sealed value cannot be opened');
  }
}

/** The key that sealed a value is not in the ring (yet); worth another try once it is. */
export class UnknownKeyError extends ServiceError {
  readonly kind = 'unavailable';
  readonly code = 'UNKNOWN_KEY';
  readonly keyId: string;

  constructor(keyId: string) {
    super('A sealed value needs a key that is not configured');
    this.keyId = keyId;
  }
}
