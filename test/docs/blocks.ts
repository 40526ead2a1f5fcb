/** A fenced block of a Markdown file. */
export interface Block {
  /** The heading that it stands under. */
  readonly heading: string;
  readonly language: string;
  readonly text: string;
}

/** The fenced blocks of a Markdown text, in order. */
export function readBlocks(markdown: string): Block[] {
  let heading = '';
  return [...markdown.matchAll(/^#+ (.+)$|^```(\w+)\n([^]*?)^```$/gm)].flatMap((found) => {
    const [, title, language = '', text = ''] = found;
    if (title === undefined) return [{ heading, language, text }];
    heading = title;
    return [];
  });
}

/**
 * Whether the output shows what a block says that it does. `…` stands for anything, and how lines
 * are broken does not count.
 */
export function shows(output: string, expected: string): boolean {
  const text = squash(output);
  let from = 0;
  for (const part of expected.split('…').map(squash)) {
    const at = text.indexOf(part, from);
    if (at < 0) return false;
    from = at + part.length;
  }
  return true;
}

function squash(text: string): string {
  return text.replaceAll(/\s/g, '');
}
