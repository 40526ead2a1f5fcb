#!/usr/bin/env node
// Prints the notes of a release, in Markdown, from the commits since the tag before it:
//   node scripts/release-notes.mjs v0.2.0
// Subjects are as CONTRIBUTING.md says: `fix(inbox): store a batch before acknowledging it`. What changes
// nothing for who runs the service (docs, test, refactor, build, ci, chore, style) is left out.
import { spawnSync } from 'node:child_process';

const SECTIONS = [
  ['Breaking changes', ({ breaking }) => breaking !== undefined],
  ['Added', ({ type }) => type === 'feat'],
  ['Fixed', ({ type }) => type === 'fix'],
  ['Faster', ({ type }) => type === 'perf'],
  ['Taken back', ({ type }) => type === 'revert'],
  // Not left out: nobody can tell what it changes.
  ['Other', ({ type }) => type === undefined],
];

const tag = process.argv[2];
if (tag === undefined || process.argv.length > 3) {
  process.stderr.write('usage: node scripts/release-notes.mjs <tag>\n');
  process.exit(2);
}
const notes = describe(commitsOf(tag));
process.stdout.write(notes === '' ? 'Nothing that a user would notice.\n' : notes);

function commitsOf(tag) {
  if (git('rev-parse', '--verify', '--quiet', `${tag}^{commit}`) === undefined) {
    fail(`${tag} is no tag of this repository`);
  }
  // A release tells all since the last release; those who had its candidates are few.
  const candidates = tag.includes('-') ? [] : ['--exclude', 'v*-*'];
  const nearest = ['describe', '--tags', '--abbrev=0', '--match', 'v*', ...candidates];
  const before = git(...nearest, `${tag}^`)?.trim();
  const range = before === undefined ? tag : `${before}..${tag}`;
  const log = git('log', '-z', '--no-merges', '--format=%h%x1f%s%x1f%b', range);
  if (log === undefined) fail(`git log ${range} failed`);
  return log.split('\0').filter(Boolean).map(toCommit);
}

function toCommit(entry) {
  const [id, subject, body] = entry.split('\x1f');
  const [, type, scope, mark, text = subject] =
    /^([a-z]+)(?:\(([^)]+)\))?(!)?: (.+)$/.exec(subject) ?? [];
  const footer = /^BREAKING[ -]CHANGE: ([\s\S]+?)(?:\n\n|$(?![\s\S]))/m.exec(body)?.[1];
  const breaking = footer?.replaceAll(/\s+/g, ' ').trim() ?? (mark && text);
  return { id, type, scope, text, breaking };
}

function describe(commits) {
  return SECTIONS.map(([title, belongs]) => [title, commits.filter(belongs)])
    .filter(([, found]) => found.length > 0)
    .map(([title, found]) => `## ${title}\n\n${found.map((one) => toLine(title, one)).join('')}`)
    .join('\n');
}

function toLine(title, { id, scope, text, breaking }) {
  const what = title === 'Breaking changes' ? breaking : text;
  return `- ${scope === undefined ? '' : `**${scope}**: `}${what} (${id})\n`;
}

function fail(why) {
  process.stderr.write(`${why}\n`);
  process.exit(1);
}

/** What git prints; `undefined` when it does not know. */
function git(...args) {
  const { status, stdout, error } = spawnSync('git', args, {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  if (error) throw error;
  return status === 0 ? stdout : undefined;
}
