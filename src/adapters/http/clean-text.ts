import sanitizeHtml from 'sanitize-html';

const LINK_PROTOCOLS = new Set(['https:', 'http:', 'mailto:']);

const RULES: sanitizeHtml.IOptions = {
  allowedTags: ['b', 'i', 'em', 'strong', 'a', 'p', 'br'],
  allowedAttributes: { a: ['href', 'rel'] },
  transformTags: { a: (tagName, { href = '' }) => ({ tagName, attribs: linkTo(href) }) },
  // A link that leads nowhere is just its text.
  exclusiveFilter: ({ tag, attribs }) =>
    tag === 'a' && attribs['href'] === undefined ? 'excludeTag' : false,
};

/**
 * Free text as HTML that any page may show as it is: a few tags for emphasis and links, all else
 * escaped or gone. What was cleaned before stays as it is.
 */
export function cleanText(text: string): string {
  return sanitizeHtml(text, RULES).trim();
}

/** Parsed as a browser would, who overlooks line breaks and the like within `javascript:`. */
function linkTo(href: string): sanitizeHtml.Attributes {
  const url = URL.parse(href);
  if (url === null || !LINK_PROTOCOLS.has(url.protocol)) return {};
  // The page that is linked to must not get hold of the page that links.
  return { href: url.href, rel: 'noopener' };
}
