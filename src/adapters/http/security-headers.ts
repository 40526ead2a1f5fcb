import type { HelmetOptions } from 'helmet';

/**
 * For answers that are data and never pages: nothing in them may run, be framed or be guessed to be
 * something else (OWASP REST Security). HSTS is harmless on plain http, where browsers ignore it
 * (RFC 6797 §8.1).
 */
export const API_HEADERS: HelmetOptions = {
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      'default-src': ["'none'"],
      'frame-ancestors': ["'none'"],
      'base-uri': ["'none'"],
    },
  },
  strictTransportSecurity: { maxAge: 31_536_000, includeSubDomains: true },
  referrerPolicy: { policy: 'no-referrer' },
  xFrameOptions: { action: 'deny' },
};
