import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { commitPairs } from '../../../src/corpus/instruct/commits.ts';
import { changeTimes } from '../../../src/corpus/reading/change-times.ts';
import { code, useTemporaryFolder } from './help.ts';

const folder = useTemporaryFolder();
const outside = (name: string) => join(folder.in(), '..', name);
const mark = () => outside('mark');
const TIME = 1_700_000_000;

const realGit = execFileSync('which', ['git'], { encoding: 'utf8' }).trim();
/** Git without any user's configuration, in a folder. */
function git(at: string, ...args: string[]) {
  const date = `${TIME} +0000`;
  const env = { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' };
  return execFileSync(realGit, ['-c', 'user.name=a', '-c', 'user.email=a@b.c', ...args], {
    cwd: at,
    encoding: 'utf8',
    env: { ...env, GIT_COMMITTER_DATE: date, GIT_AUTHOR_DATE: date },
  }).trim();
}

/** Commits a.ts and b.ts in a repository, which is the folder itself. */
function repository() {
  git(folder.in(), 'init', '-q');
  for (const n of [1, 2, 3]) {
    folder.write({ 'a.ts': code(n), 'b.ts': code(10 * n) });
    git(folder.in(), 'add', '.');
    git(folder.in(), 'commit', '-qm', `change both files for reason ${n}`);
  }
}

/** Makes a clone of the folder without what `filter` omits, and returns its path. */
function partialClone(filter: string): string {
  git(folder.in(), 'config', 'uploadpack.allowFilter', 'true');
  const clone = outside('clone');
  git(
    folder.in(),
    'clone',
    '-q',
    '--no-checkout',
    `--filter=${filter}`,
    String(pathToFileURL(folder.in())),
    clone,
  );
  for (const name of ['a.ts', 'b.ts']) writeFileSync(join(clone, name), code(7));
  return clone;
}

/** A program that writes a marker file. */
function program(path = outside('program')): string {
  writeFileSync(path, `#!/bin/sh\necho ran >> '${mark()}'\nexit 1\n`);
  chmodSync(path, 0o755);
  return path;
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

/** Everything that calls git, with what each found. */
async function askAll(at: string) {
  const times = await changeTimes(at, ['a.ts', 'b.ts']);
  const pairs = await all(commitPairs({ folder: at })).catch((error: unknown) => String(error));
  return { ages: [...times.values()], pairs: Array.isArray(pairs) ? pairs.length : pairs };
}
const whole = { ages: [TIME, TIME], pairs: 3 };

beforeEach(repository);
afterEach(() => {
  vi.unstubAllEnvs();
  vi.useRealTimers();
});

describe('reading a history', () => {
  it('works as far as a partial clone goes', async () => {
    expect(await askAll(folder.in())).toEqual(whole);
    expect(await askAll(partialClone('blob:none'))).toMatchObject({ ages: whole.ages });
  });

  it('ignores environment variables about another repository', async () => {
    for (const name of ['GIT_DIR', 'GIT_WORK_TREE', 'GIT_OBJECT_DIRECTORY', 'GIT_INDEX_FILE'])
      vi.stubEnv(name, outside('elsewhere'));
    vi.stubEnv('GIT_LITERAL_PATHSPECS', 'nonsense');
    expect(await askAll(folder.in())).toEqual(whole);
  });

  it('truncates a line longer than the memory limit', async () => {
    folder.write({ 'a.ts': `${'x'.repeat(5_000_000)}\nconst a = 1;\n` });
    git(folder.in(), 'commit', '-qam', 'one long line is put in here');
    expect(await askAll(folder.in())).toEqual(whole);
  });
});

describe('no program configured in the folder runs', () => {
  it('to fetch objects missing from a partial clone', async () => {
    const clone = partialClone('tree:0');
    git(clone, 'config', 'remote.origin.uploadpack', program());
    expect((await askAll(clone)).pairs).toMatch(/NoRepository/);
    expect(existsSync(mark())).toBe(false);
  });

  it.each(['::anything', 'ext::program', 'file'])('with a git that fetches anyway: %s', async (url) => {
    const clone = partialClone('tree:0');
    git(clone, 'config', 'remote.origin.uploadpack', program());
    if (url !== 'file') git(clone, 'config', 'remote.origin.url', url.replace('program', program()));
    for (const name of ['', '-ext']) git(clone, 'config', `alias.remote-${name}`, `!${program()}`);
    git(clone, 'config', 'protocol.allow', 'always');
    mkdirSync(outside('old'));
    writeFileSync(outside('old/git'), `#!/bin/sh\nunset GIT_NO_LAZY_FETCH\nexec '${realGit}' "$@"\n`);
    chmodSync(outside('old/git'), 0o755);
    vi.stubEnv('PATH', `${outside('old')}:${process.env['PATH']}`);
    await askAll(clone);
    expect(existsSync(mark())).toBe(false);
  });

  it('in place of git', async () => {
    folder.write({ 'node_modules/.bin/none': '' });
    for (const place of ['git', 'node_modules/.bin/git']) program(join(folder.in(), place));
    const bin = join(folder.in(), 'node_modules/.bin');
    vi.stubEnv('PATH', ['', '.', 'node_modules/.bin', bin, process.env['PATH']].join(':'));
    expect(await askAll(folder.in())).toEqual(whole);
    expect(existsSync(mark())).toBe(false);
  });

  it('to show a change, a submodule or a signature', async () => {
    folder.write({ '.gitattributes': '* diff=odd filter=odd\n' });
    const configured = [
      'diff.external',
      'diff.odd.command',
      'diff.odd.textconv',
      'filter.odd.clean',
      'core.pager',
    ];
    for (const name of [...configured, 'core.fsmonitor', 'gpg.program'])
      git(folder.in(), 'config', name, program());
    git(folder.in(), 'config', 'log.showSignature', 'true');
    git(folder.in(), 'config', 'diff.submodule', 'diff');
    for (const name of ['GIT_EXTERNAL_DIFF', 'GIT_PAGER', 'GIT_SSH_COMMAND']) vi.stubEnv(name, program());
    for (const name of ['GIT_TRACE', 'GIT_TRACE2', 'GIT_TRACE2_EVENT']) vi.stubEnv(name, mark());
    expect(await askAll(folder.in())).toEqual(whole);
    expect(existsSync(mark())).toBe(false);
  });
});

describe('git is not started', () => {
  it('for a folder without a repository', async () => {
    for (const name of ['plain', 'bin']) mkdirSync(outside(name));
    for (const name of ['a.ts', 'b.ts']) writeFileSync(join(outside('plain'), name), code(7));
    program(outside('bin/git'));
    vi.stubEnv('PATH', outside('bin'));
    const { ages, pairs } = await askAll(outside('plain'));
    expect(ages.every((age) => age > TIME)).toBe(true);
    expect(pairs).toBe('NoRepository: not a git repository');
    expect(existsSync(mark())).toBe(false);
  });

  it.runIf(process.platform === 'linux')("if it would only offer to install Apple's tools", async () => {
    const { platform } = process;
    Object.defineProperty(process, 'platform', { value: 'darwin' });
    onTestFinished(() => void Object.defineProperty(process, 'platform', { value: platform }));
    vi.stubEnv('PATH', '/usr/bin');
    expect((await askAll(folder.in())).pairs).toBe('NoRepository: git is not installed');
    mkdirSync(outside('bin'));
    writeFileSync(outside('bin/git'), `#!/bin/sh\nexec '${realGit}' "$@"\n`);
    chmodSync(outside('bin/git'), 0o755);
    vi.stubEnv('PATH', `/usr/bin:${outside('bin')}`);
    expect(await askAll(folder.in())).toEqual(whole);
  });
});

describe('a git that hangs', () => {
  it('is not started for a pipe that is not needed', async () => {
    execFileSync('mkfifo', [outside('pipe')]);
    for (const name of ['mailmap.file', 'core.attributesFile', 'diff.orderFile'])
      git(folder.in(), 'config', name, outside('pipe'));
    expect(await askAll(folder.in())).toEqual(whole);
  });

  it('is ended, and the folder is treated as one without git', async () => {
    execFileSync('mkfifo', [outside('pipe')]);
    git(folder.in(), 'config', 'include.path', outside('pipe'));
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    let over = false;
    const asked = askAll(folder.in()).finally(() => (over = true));
    while (!over) {
      await setImmediate();
      vi.advanceTimersByTime(30_000);
    }
    const { ages, pairs } = await asked;
    expect(ages.every((age) => age > TIME)).toBe(true);
    expect(pairs).toBe('NoRepository: git took too long');
  });

  it.runIf(process.platform === 'linux')('stays within its memory limit', async () => {
    symlinkSync('/dev/zero', join(folder.in(), '.git/info/attributes'));
    expect((await askAll(folder.in())).pairs).toMatch(/NoRepository: .*memory/i);
  });
});
