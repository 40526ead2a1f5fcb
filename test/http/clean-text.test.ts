import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { cleanText } from '../../src/adapters/http/clean-text.ts';

const ALLOWED =
  /<\/?(?:b|i|em|strong|p)>|<br \/>|<\/a>|<a href="(?:https?:|mailto:)[^"<>]*" rel="noopener">/g;

/** What trouble is made of. */
const PIECES = [
  ' ',
  '\n',
  '\0',
  '<a href="',
  ...`< > " ' & / = a b p br &lt; &#60; <b <!-- --> <![CDATA[ ]]> <svg> <style>`.split(' '),
  ...'https://x/ javascript: mailto:a "> </a> onload= <script> </script>'.split(' '),
];

describe('free text', () => {
  it.each<[string, string, string]>([
    ['plain text', ' of the board\n', 'of the board'],
    ['what HTML would mistake', 'R&D < 3 > 2', 'R&amp;D &lt; 3 &gt; 2'],
    ['emphasis', '<b>a</b><i>b</i><em>c</em><strong>d</strong>', ''],
    ['paragraphs', '<p>a<br />b</p>', ''],
    ['a link', '<a href="https://x.example/?a=1&amp;b=2" rel="noopener">x</a>', ''],
    ['a link by mail', '<a href="mailto:a@b.example" rel="noopener">x</a>', ''],
  ])('keeps %s', (_what, text, kept) => {
    expect(cleanText(text)).toBe(kept === '' ? text : kept);
  });

  it.each<[string, string, string]>([
    ['a script', 'a<script>alert(1)</script>b', 'ab'],
    ['a style', 'a<style>*{}</style>b', 'ab'],
    ['an unclosed script', 'a<script>alert(1)', 'a'],
    ['a handler', '<b onclick="alert(1)">a</b>', '<b>a</b>'],
    ['a style attribute', '<p style="position:fixed">a</p>', '<p>a</p>'],
    ['an image', 'a<img src=x onerror=alert(1)>b', 'ab'],
    ['other tags, not their text', '<h1>a</h1><svg><b>b</b></svg>', 'a<b>b</b>'],
    ['a comment', 'a<!-- <b> -->b', 'ab'],
    ['a link that runs', '<a href="javascript:alert(1)">a</a>', 'a'],
    ['one in disguise', '<a href=" jAva\nscript&#58;alert(1)">a</a>', 'a'],
    ['a data link', '<a href="data:text/html,x">a</a>', 'a'],
    ['a relative link', '<a href="/logout">a</a>', 'a'],
    ['a link of any scheme', '<a href="//x.example">a</a>', 'a'],
    ['a link without address', '<a name="x">a</a>', 'a'],
    [
      'what a link does besides',
      '<a href="https://x.example" target="_blank" rel="opener" onclick="x">a</a>',
      '<a href="https://x.example/" rel="noopener">a</a>',
    ],
    ['an open tag', '<b>a', '<b>a</b>'],
    ['tags that overlap', '<b><i>a</b></i>', '<b><i>a</i></b>'],
  ])('loses %s', (_what, text, left) => {
    expect(cleanText(text)).toBe(left);
  });

  it('holds nothing but what is allowed, and is not changed by cleaning it again', () => {
    const pieces = fc.constantFrom(...PIECES);
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 40 }), (parts) => {
        const cleaned = cleanText(parts.join(''));
        expect(cleaned.replaceAll(ALLOWED, '')).not.toMatch(/[<>]/);
        expect(cleanText(cleaned)).toBe(cleaned);
      }),
      { numRuns: 2000 },
    );
  });
});
