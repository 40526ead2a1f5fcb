import { readFileSync, statSync } from 'node:fs';

const CERTIFICATE = /^-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----/m;

/**
 * The certificates of a PEM file that are trusted instead of the machine's own. Throws a sentence
 * that names the variable: of what is no certificate TLS would make an empty list, and say later
 * that a server is not trusted.
 */
export function readAuthorities(file: string | undefined, variable: string): Buffer | undefined {
  if (file === undefined) return undefined;
  const pem = read(file, variable);
  if (CERTIFICATE.test(pem.toString('latin1'))) return pem;
  throw new Error(`${variable} names a file without a certificate in PEM: ${file}`);
}

function read(file: string, variable: string): Buffer {
  try {
    // Looked at before it is read: a pipe would be waited for.
    if (statSync(file).isFile()) return readFileSync(file);
  } catch (cause) {
    throw new Error(`${variable} names a file that cannot be read: ${file}`, { cause });
  }
  throw new Error(`${variable} names what is no file: ${file}`);
}
