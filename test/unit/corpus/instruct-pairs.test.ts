import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { buildCorpus, openCorpus } from '../../../src/corpus/index.ts';
import { commitPairs } from '../../../src/corpus/instruct/commits.ts';
import { workspacePairs, type PairOptions } from '../../../src/corpus/instruct/pairs.ts';
import { loadChatTemplate } from '../../../src/corpus/datasets/chat-template.ts';
import type { CorpusPlan } from '../../../src/protocol/run.ts';
import { all, byteTokenizer, textOf } from './help.ts';

describe('in a folder', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fmn-pairs-'));
    vi.stubEnv('GIT_CONFIG_GLOBAL', '/dev/null');
    vi.stubEnv('GIT_CONFIG_SYSTEM', '/dev/null');
    vi.stubEnv('GIT_CEILING_DIRECTORIES', dirname(folder));
    for (const who of ['AUTHOR', 'COMMITTER']) {
      vi.stubEnv(`GIT_${who}_NAME`, 'A');
      vi.stubEnv(`GIT_${who}_EMAIL`, 'a@example.org');
    }
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await rm(folder, { recursive: true, force: true });
  });

  const git = (...args: string[]) => execFileSync('git', args, { cwd: folder, stdio: 'pipe' });
  async function commit(message: string, files: Record<string, string>) {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(join(folder, dirname(path)), { recursive: true });
      await writeFile(join(folder, path), text);
    }
    git('add', '-A', '-f');
    git('commit', '-q', '--allow-empty', '-m', message);
  }
  async function commitsOf(sub = '') {
    const found = [];
    for await (const pair of commitPairs({ folder: join(folder, sub) })) found.push(pair);
    return found;
  }
  const template = () =>
    loadChatTemplate({ 'tokenizer.ggml.tokens': ['</s>'], 'tokenizer.ggml.eos_token_id': 0 });
  async function pairs(
    kinds: PairOptions['kinds'] = ['functions', 'commits'],
    onWarning?: PairOptions['onWarning'],
  ) {
    const found = [];
    for await (const document of workspacePairs({ folder, kinds, template: await template(), onWarning }))
      found.push(document);
    return found;
  }

  it('a commit yields its message, the lines before, and a diff that git can apply', async () => {
    git('init', '-q');
    const lines = Array.from({ length: 40 }, (_, n) => `line ${n}`);
    await commit('Initial commit', { 'src/ä b.ts': `${lines.join('\n')}\n` });
    lines[5] = 'line five';
    lines.splice(30, 1);
    await commit('Name the fifth line (#12)\n\nAnd drop one.\n\nSigned-off-by: A <a@example.org>', {
      'src/ä b.ts': `${lines.join('\n')}\n`,
      'package-lock.json': '{}',
    });
    const [pair, ...others] = await commitsOf();
    expect(others).toEqual([]);
    expect(pair!.message).toBe('Name the fifth line\n\nAnd drop one.');
    expect(pair!.before).toHaveLength(1);
    expect(pair!.before[0]!.path).toBe('src/ä b.ts');
    expect(pair!.before[0]!.text).toContain('line 4\nline 5\nline 6');
    expect(pair!.before[0]!.text).toContain('\n...\n');
    expect(pair!.diff).toContain('-line 5\n+line five\n');

    git('checkout', '-q', 'HEAD~1');
    execFileSync('git', ['apply', '-'], { cwd: folder, input: pair!.diff });
    expect(execFileSync('git', ['diff', '--', 'src'], { cwd: folder, encoding: 'utf8' })).toContain(
      '+line five',
    );
  });

  it('skips uninformative, large, ignored, vendored and generated changes', async () => {
    git('init', '-q');
    await commit('Begin with the base', { 'a.ts': 'one\n', '.gitignore': 'secret/\n' });
    await commit('wip on the parser now', { 'a.ts': 'two\n' });
    await commit('Fix typo', { 'a.ts': 'three\n' });
    await commit('Bump everything to version 3', { 'a.ts': 'four\n' });
    await commit('Write a great deal of text', { 'b.ts': 'x = 1;\n'.repeat(5000) });
    await commit('Keep a hidden thing for later', { 'secret/c.ts': 'c\n' });
    await commit('Copy what others have written', { 'node_modules/d.ts': 'd\n', 'vendor/d.go': 'd\n' });
    await commit('Lock the versions of all', { 'yarn.lock': 'e\n', 'f.min.js': 'f\n' });
    await commit('Draw a very small picture', { 'g.png': '\0\0' });
    await commit(
      'Say nothing about many files',
      Object.fromEntries('abcdefgh'.split('').map((n) => [`${n}/x.ts`, n])),
    );
    git('checkout', '-q', '-b', 'side', 'HEAD~1');
    await commit('Add a side that stays', { 'side.ts': 'side\n' });
    git('checkout', '-q', '-');
    git('merge', '-q', '--no-edit', '-m', 'Merge the side into this one', 'side');
    expect((await commitsOf()).map(({ message }) => message)).toEqual([
      'Add a side that stays',
      'Begin with the base',
    ]);
  });

  it('uses only commits to the folder, with its own paths, if it is part of a repository', async () => {
    git('init', '-q');
    await commit('Add both of the packages', { 'one/a.ts': 'a\n', 'two/b.ts': 'b\n' });
    await commit('Change the second one only', { 'two/b.ts': 'c\n' });
    expect((await commitsOf('one')).map(({ message, before }) => [message, before[0]!.path])).toEqual([
      ['Add both of the packages', 'a.ts'],
    ]);
  });

  it('reads commits of a folder that is a link or a submodule today, and knows what is ignored there', async () => {
    git('init', '-q');
    await commit('Begin with the base', { '.gitignore': 'scratch/\n', 'now/a.ts': 'a\n' });
    await commit('Add a file to the old place', { 'old/b.ts': 'b\n', 'old/scratch/c.ts': 'c\n' });
    await commit('Add a file to another place', { 'other/d.ts': 'd\n', 'scratch/e.ts': 'e\n' });
    for (const name of ['old', 'other']) await rm(join(folder, name), { recursive: true });
    await symlink('now', join(folder, 'old'));
    git('init', '-q', 'other');
    git('-C', 'other', 'commit', '-q', '--allow-empty', '-m', 'begin');
    await commit('Link the old place to the new', {});
    expect((await commitsOf()).map(({ before }) => before.map(({ path }) => path))).toEqual([
      ['other/d.ts'],
      ['old/b.ts'],
      ['now/a.ts'],
    ]);
  });

  it("says if commits can't be read, also where there are functions", async () => {
    await writeFile(join(folder, 'a.py'), 'def f(x):\n    """Returns what it is given."""\n    return x\n');
    const warnings: string[] = [];
    const found = await pairs(['functions', 'commits'], (message) => void warnings.push(message));
    expect(found).toHaveLength(1);
    expect(warnings).toEqual([
      `The commits of ${folder} can't be read (not a git repository), so nothing is learned from them.`,
    ]);
  });

  it('pairs are conversations whose answers are learned', async () => {
    git('init', '-q');
    await commit('Add a function that doubles', {
      'a.py': 'def twice(n):\n    """Twice the number given."""\n    return 2 * n\n',
    });
    const [one, two, ...others] = await pairs();
    expect(others).toEqual([]);
    expect(one).toEqual({
      path: 'a.py:1',
      source: 'pairs 0',
      together: 'a.py',
      code: 'def twice(n):\n    """Twice the number given."""\n    return 2 * n',
      pieces: [
        { text: '### Instruction:\n', learned: false, special: true },
        {
          text: 'Write this Python function.\n\nTwice the number given.\n\n```python\ndef twice(n):\n```',
          learned: false,
          special: false,
        },
        { text: '\n\n### Response:\n', learned: false, special: true },
        {
          text: '```python\ndef twice(n):\n    """Twice the number given."""\n    return 2 * n\n```',
          learned: true,
          special: false,
        },
        { text: '</s>', learned: true, special: true },
        { text: '\n\n', learned: false, special: true },
      ],
    });
    expect(two!.path).toMatch(/^commit [0-9a-f]{12}$/);
    expect(two!.source).toBeUndefined();
    expect(two!.pieces[1]!.text).toBe(
      'Make this change and answer with a diff.\n\nAdd a function that doubles\n\na.py is a new file.',
    );
    expect(two!.pieces[3]!.text).toMatch(
      /^```diff\n--- \/dev\/null\n\+\+\+ b\/a.py\n@@ -0,0 \+1,3 @@\n\+def twice/,
    );
  });

  it('are held out from the newest backwards, since later ones change the same lines again', async () => {
    git('init', '-q');
    for (let n = 0; n < 5; n += 1)
      await commit(`Write down the number ${n}`, { 'a.py': `def f(x):\n    return read(x, ${n})\n` });
    const described = await pairs(['commits']);
    expect(described.map(({ age }) => age)).toEqual([0, 0.2, 0.4, 0.6, 0.8]);
    expect(new Set(described.map(({ together }) => together)).size).toBe(5);
  });

  /** A commit for each of 24 files with a function. */
  async function addSteps() {
    git('init', '-q');
    for (let n = 0; n < 24; n += 1)
      await commit(`Add the function step${n} alone`, {
        [`step${n}.py`]: `def step${n}(x):\n    """Returns step${n} of what it is given."""\n    return step${n}_of[x]\n`,
      });
  }
  async function corpusOf(plan: Partial<CorpusPlan> = {}) {
    const out = await mkdtemp(join(tmpdir(), 'fmn-pairs-'));
    onTestFinished(() => rm(out, { recursive: true }));
    const documents = workspacePairs({ folder, kinds: ['commits', 'functions'], template: await template() });
    const mode = 'instruct' as const;
    await buildCorpus({ documents, out, tokenizer: byteTokenizer, seed: 0, plan: { ...plan, mode } });
    return openCorpus(out);
  }

  it.each([
    ['a function that is held out is not learned from the commit that added it', ''],
    ['nor if its file was called differently then', 'moved/'],
  ])('%s', async (_, to) => {
    await addSteps();
    if (to) {
      await mkdir(join(folder, to));
      for (let n = 0; n < 24; n += 1) git('mv', `step${n}.py`, to);
      await commit('Move all of them away', {});
    }
    const { documents, leftOut, train, heldOut } = await corpusOf();
    const hidden = documents
      .filter(({ path, split }) => split === 'held-out' && path.endsWith('.py:1'))
      .map(({ path }) => path.replace('.py:1', '').replace(to, ''));
    expect(hidden.length).toBeGreaterThan(1);
    const learned = textOf(all(train));
    for (const name of hidden) expect(learned).not.toContain(`return ${name}_of[x]`);
    // Nor is it measured how well the newest commits were learned as functions.
    for (const [line] of textOf(all(heldOut)).matchAll(/return \w+_of\[x\]/g))
      expect(learned).not.toContain(line);
    const newest = (to ? [22, 23] : [21, 22, 23]).map((n) => `step${n}`);
    // And nothing else was left out.
    expect(leftOut.map(({ reason, detail }) => `${reason}: ${detail}`).sort()).toEqual(
      [
        ...hidden.filter((name) => !newest.includes(name)).map((name) => `shows-held-out: ${to}${name}.py`),
        ...newest.filter((name) => !hidden.includes(name)).map(() => 'shows-held-out: undefined'),
      ].sort(),
    );
  });

  it('of each kind are learned if the budget is small', async () => {
    await addSteps();
    const { documents } = await corpusOf({ maxTokens: 600 });
    for (const kind of [/\.py:1$/, /^commit /]) {
      const learned = documents.filter(({ path, split }) => split === 'train' && kind.test(path));
      const tokens = learned.reduce((sum, entry) => sum + entry.tokens, 0);
      expect(tokens).toBeGreaterThanOrEqual(600);
      expect(tokens).toBeLessThan(1200);
    }
  });

  it('functions of one file are held out together', async () => {
    const text = (name: string) => `def ${name}(x):\n    """Returns the ${name} of x."""\n    return x\n\n\n`;
    await writeFile(join(folder, 'a.py'), text('first') + text('second'));
    await writeFile(join(folder, 'b.py'), text('third') + text('fourth'));
    const found = await pairs(['functions']);
    expect(found.map(({ path, together }) => [path, together])).toEqual([
      ['a.py:1', 'a.py'],
      ['a.py:6', 'a.py'],
      ['b.py:1', 'b.py'],
      ['b.py:6', 'b.py'],
    ]);
  });

  it('without git and documentation: says what was searched for', async () => {
    await writeFile(join(folder, 'a.py'), 'def f():\n    return 1\n');
    await expect(pairs()).rejects.toMatchObject({
      code: 'corpus-empty',
      message: expect.stringMatching(
        /1 files were searched for functions with a documentation comment \(Python, .*; its commits can't be read \(not a git repository\)/,
      ),
    });
    git('init', '-q');
    await expect(pairs(['commits'])).rejects.toMatchObject({ code: 'corpus-empty' });
  });

  it('can be cancelled', async () => {
    git('init', '-q');
    await commit('Add a file with text', { 'a.ts': 'a\n' });
    const stop = new AbortController();
    stop.abort();
    const options = { folder, template: await template(), signal: stop.signal };
    const reading = workspacePairs({ ...options, kinds: ['commits'] }).next();
    await expect(reading).rejects.toMatchObject({ code: 'cancelled' });
  });
});
