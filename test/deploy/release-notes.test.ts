import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { temporaryFolder } from '../support/folder.ts';

const SCRIPT = new URL('../../scripts/release-notes.mjs', import.meta.url).pathname;

describe('release notes', () => {
  let folder: ReturnType<typeof temporaryFolder>;
  beforeEach(() => {
    folder = temporaryFolder();
    git('init', '--quiet');
  });
  afterEach(() => folder.remove());

  function run(command: string, args: readonly string[]) {
    const env = { PATH: process.env['PATH'], HOME: folder.path, GIT_CONFIG_NOSYSTEM: '1' };
    return spawnSync(command, args, { cwd: folder.path, env, encoding: 'utf8' });
  }

  function git(...args: readonly string[]): void {
    const identity = ['-c', 'user.name=Test', '-c', 'user.email=test@example.com'];
    const { status, stderr } = run('git', [...identity, ...args]);
    if (status !== 0) throw new Error(stderr);
  }

  const commit = (...paragraphs: readonly string[]) => {
    git('commit', '--quiet', '--allow-empty', ...paragraphs.flatMap((text) => ['-m', text]));
  };

  function notesOf(tag: string) {
    const { status, stdout, stderr } = run(process.execPath, [SCRIPT, tag]);
    return { status, stderr, text: stdout.replaceAll(/ \([0-9a-f]{7,}\)$/gm, ' (id)') };
  }

  it('say what a user would notice, of the commits since the tag before', () => {
    commit('feat: everything that was there before');
    git('tag', 'v0.1.0');
    commit('fix(inbox): store a batch before acknowledging it', 'It was lost: the\nlog says so.');
    commit('feat: a sink for files');
    commit('docs: how to deploy');
    commit('perf(intake): walk a body once');
    commit('feat(api)!: ids are in lower case');
    commit('fix(sinks): no redirects', 'BREAKING CHANGE: a sink that redirects\nis not followed.');
    commit('Merge by hand, without a type');
    git('tag', 'v0.2.0');
    commit('feat: not of this release');

    expect(notesOf('v0.2.0')).toEqual({
      status: 0,
      stderr: '',
      text: `## Breaking changes

- **sinks**: a sink that redirects is not followed. (id)
- **api**: ids are in lower case (id)

## Added

- **api**: ids are in lower case (id)
- a sink for files (id)

## Fixed

- **sinks**: no redirects (id)
- **inbox**: store a batch before acknowledging it (id)

## Faster

- **intake**: walk a body once (id)

## Other

- Merge by hand, without a type (id)
`,
    });
  });

  it('begin with the first commit where there is no tag before', () => {
    commit('feat: the first');
    commit('fix: the second');
    git('tag', 'v0.1.0');
    expect(notesOf('v0.1.0').text).toBe(
      '## Added\n\n- the first (id)\n\n## Fixed\n\n- the second (id)\n',
    );
  });

  it('of a release tell what its candidates told, too', () => {
    commit('feat: the first');
    git('tag', 'v0.9.0');
    commit('feat: in the candidate');
    git('tag', 'v1.0.0-rc.1');
    commit('fix: in the second candidate');
    git('tag', 'v1.0.0-rc.2');
    commit('fix: after the candidates');
    git('tag', 'v1.0.0');
    expect(notesOf('v1.0.0').text).toBe(
      '## Added\n\n- in the candidate (id)\n\n' +
        '## Fixed\n\n- after the candidates (id)\n- in the second candidate (id)\n',
    );
    expect(notesOf('v1.0.0-rc.2').text).toBe('## Fixed\n\n- in the second candidate (id)\n');
  });

  it('fail where the commits cannot be read, instead of finding nothing in them', () => {
    commit('feat: the first');
    const id = run('git', ['rev-parse', 'HEAD']).stdout.trim();
    commit('feat: the second');
    git('tag', 'v0.1.0');
    rmSync(join(folder.path, '.git/objects', id.slice(0, 2), id.slice(2)));
    expect(notesOf('v0.1.0')).toEqual({
      status: 1,
      stderr: 'git log v0.1.0 failed\n',
      text: '',
    });
  });

  it('say so when there is nothing to say', () => {
    commit('chore: tidy up');
    git('tag', 'v0.1.0');
    expect(notesOf('v0.1.0').text).toBe('Nothing that a user would notice.\n');
  });

  it('are none of a tag that is not there', () => {
    commit('feat: the first');
    expect(notesOf('v9.9.9')).toMatchObject({
      status: 1,
      stderr: 'v9.9.9 is no tag of this repository\n',
      text: '',
    });
  });
});
