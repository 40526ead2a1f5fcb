import { describe, expect, it } from '@jest/globals';
import { fitCells, shorten, wrap } from '../../src/cli/fit-cells.ts';

const HEAD = ['ID', 'NOTE'];
const ID = '0b7e0c62-6f0c-4a3e-9c7e-3f1f0f0a5d11';
const NOTE = 'what nobody wants to read on one line of a hundred characters';

describe('cells that fit', () => {
  it('are broken between words, and in one only where it is longer than a line', () => {
    expect(wrap('to be read by people', 10)).toBe('to be read\nby people');
    expect(wrap('in /a/long/path it is', 6)).toBe('in\n/a/lon\ng/path\nit is');
    expect(wrap('short', 5)).toBe('short');
    expect(wrap('', 5)).toBe('');
  });

  it('lose their middle where they are to stay on one line', () => {
    expect(shorten('Users/anna/Messages/AAMkAGI', 11)).toBe('Users…MkAGI');
    expect(shorten('日本日本日本', 8)).toBe('日本…本');
    expect(shorten('short', 5)).toBe('short');
    const long = `Users/${'u'.repeat(100)}/Messages/${'m'.repeat(100)}`;
    const [row] = fitCells(['ID', 'SUBJECT', 'NOTE'], [[ID, long, 'a be']], 80, ['SUBJECT']);
    expect(row).toEqual([ID, expect.stringMatching(/^Users\/u+…m+$/), 'a be']);
    expect(row?.join('').length).toBe(80 - 1 - 3 * 3);
    expect(fitCells(['ID', 'SUBJECT'], [[ID, long]], undefined, ['SUBJECT'])).toEqual([[ID, long]]);
  });

  it('are measured as a terminal shows them', () => {
    expect(wrap('日本 日本', 8)).toBe('日本\n日本');
    expect(wrap('日本日本', 5)).toBe('日本\n日本');
    expect(wrap('e\u0301e\u0301 e\u0301', 4)).toBe('e\u0301e\u0301 e\u0301');
  });

  it('stay as they are where there is room, and where the width is not known', () => {
    for (const columns of [undefined, 0, 200]) {
      expect(fitCells(HEAD, [[ID, NOTE]], columns)).toEqual([[ID, NOTE]]);
    }
    expect(fitCells(HEAD, [], 80)).toEqual([]);
  });

  it('leave ids whole, and text as wide as can be read', () => {
    const [row] = fitCells(HEAD, [[ID, NOTE]], 80);
    expect(row).toEqual([ID, 'what nobody wants to read on one line\nof a hundred characters']);
    const [narrow] = fitCells(HEAD, [[ID, NOTE]], 40);
    expect(narrow?.[0]).toBe(ID);
    expect(narrow?.[1]?.split('\n').every((line) => line.length <= 12)).toBe(true);
  });
});
