import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Clone } from '../../../bench/clone.ts';
import type { Replayed } from '../../../bench/felt/replay.ts';
import { landedOn } from '../../../bench/history/landed.ts';
import { reportOf, textOf } from '../../../bench/history/report.ts';
import { runGit } from '../../support/git.ts';

describe('what landed on a branch', () => {
  let place: string;
  let folder: string;
  const git = (...args: string[]) => runGit(folder, args);
  const commit = (files: Record<string, string>) => {
    for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
    git('add', '-A');
    git('commit', '-qm', 'a change');
    return git('rev-parse', 'HEAD');
  };
  const first = 'export const one = 1;\n';
  const second = `${first}export function addOne(value: number) {\n  return value + one;\n}\n`;
  const third = `${second}export const three = addOne(addOne(one));\n`;
  const ids: string[] = [];

  beforeAll(() => {
    place = mkdtempSync(join(tmpdir(), 'forget-me-not-landed-'));
    folder = join(place, 'clone');
    runGit(place, ['init', '-q', '-b', 'main', folder]);
    ids.push(commit({ 'a.ts': first, 'gone.ts': first }));
    ids.push(commit({ 'a.ts': second }));
    git('rm', '-q', 'gone.ts');
    ids.push(commit({ 'new.ts': third }));
    git('checkout', '-q', '-b', 'side');
    commit({ 'a.ts': `${second}// The third, of which this is a draft.\n` });
    commit({ 'a.ts': third });
    git('checkout', '-q', 'main');
    git('merge', '-q', '--no-ff', '--no-edit', 'side');
    ids.push(git('rev-parse', 'HEAD'));
  });
  afterAll(() => rmSync(place, { recursive: true }));

  it('is, oldest first, what each commit of the branch typed; a merge is one change', () => {
    const landed = landedOn(new Clone(folder), 10, 3);
    expect(landed.map(({ id, parent }) => [id, parent])).toEqual([
      [ids[1], ids[0]],
      [ids[3], ids[2]],
    ]);
    const [function_, merged] = landed.map(({ sessions }) => sessions[0]!.hunks[0]!);
    expect(function_).toMatchObject({ path: 'a.ts', before: first, typed: second.slice(first.length, -1) });
    expect(merged!.typed).toBe('export const three = addOne(addOne(one));');
    expect(landedOn(new Clone(folder), 1, 3).map(({ id }) => id)).toEqual([ids[3]]);
  });

  it('is typed in the files of the commit before, and no others', () => {
    const clone = new Clone(folder);
    const tree = clone.checkOut(ids[0]!, place);
    expect(readFileSync(join(tree, 'a.ts'), 'utf8')).toBe(first);
    expect(clone.checkOut(ids[2]!, place)).toBe(tree);
    expect(readFileSync(join(tree, 'a.ts'), 'utf8')).toBe(second);
    expect([existsSync(join(tree, 'gone.ts')), existsSync(join(tree, '.git'))]).toEqual([false, false]);
    // The clone itself is left as it is.
    expect(git('status', '--porcelain')).toBe('');
  });
});

describe('the report', () => {
  const hunk = (path: string, saved: number, typing: number): Replayed => ({
    path,
    characters: 100,
    saved,
    typing,
    looking: 0,
    taking: 0,
    correcting: 0,
    shown: 1,
    right: 1,
    looks: 1,
    kept: 1,
    reversed: 0,
    waits: [],
    duration: 1000,
    requests: 1,
  });
  const side = (saved: number) => ['x/1', 'x/1', 'x/2'].map((path) => hunk(path, saved, 100 * saved));
  const report = reportOf({ lines: { base: side(20), first: side(20), fresh: side(25) } });

  it('compares the fresh adapter with the first and with the base', () => {
    expect(report.commits).toBe(2);
    const { sides, characters, seconds } = report.persons.lines!;
    expect(sides.fresh!.charactersSaved).toBe(0.25);
    expect(Object.keys(characters)).toEqual(['freshMinusFirst', 'freshMinusBase', 'firstMinusBase']);
    expect(characters.freshMinusFirst!.value).toBeCloseTo(0.05);
    expect(seconds.freshMinusFirst!.value).toBeCloseTo(0.5);
    expect(characters.firstMinusBase!.value).toBe(0);
  });
  it('is readable', () => {
    expect(textOf(report)).toMatch(/^2 commits\.[^]*takes lines[^]*freshMinusFirst: characters 0\.05 \[/);
  });
});
