const TOKENS = /"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?|[{}]/g;

/**
 * Whether an object in this JSON text, at any depth, names a member twice: one reader would take the
 * first and another the last (RFC 8259 §4). `__proto__` counts as there already, because assigning it
 * would change what the object is. Takes text that `JSON.parse` has accepted.
 */
export function repeatsName(text: string): boolean {
  const open: Set<string>[] = [];
  for (const [token, colon] of text.matchAll(TOKENS)) {
    if (token === '{') open.push(new Set(['__proto__']));
    else if (token === '}') open.pop();
    else if (colon !== undefined) {
      const name = String(JSON.parse(token.slice(0, -colon.length)));
      const names = open.at(-1);
      if (names?.has(name) === true) return true;
      names?.add(name);
    }
  }
  return false;
}
