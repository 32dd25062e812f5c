import { existsSync } from 'node:fs';
import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeEach, expect, it, vi } from 'vitest';
import { cacheCommand } from '../../../src/cli/commands/set-up/cache.ts';
import { createRun, openRunWriter } from '../../../src/runs/index.ts';
import { newRun, useTemporaryHome } from '../runs/help.ts';

const home = useTemporaryHome();
const sizes: Readonly<Record<string, number>> = {
  'cache/prompts/a.state': 100,
  'cache/prompts/a.json': 5,
  'cache/folded/k/model.gguf': 400,
  'cache/index/b.index': 200,
  'cache/datasets/owner/name/rows.parquet': 1000,
  'cache/HumanEval.jsonl.gz': 50,
  'cache/evaluation/c/d.jsonl': 30,
  'cache/wheels/e.part': 7,
  'cache/backend-rates.json': 3,
  'models/base.gguf': 5000,
  'models/hub/owner/name/f.gguf': 6000,
  'runs/g/spec.json': 11,
};
beforeEach(async () => {
  for (const [name, size] of Object.entries(sizes)) {
    await mkdir(dirname(join(home.path(), name)), { recursive: true });
    await writeFile(join(home.path(), name), 'x'.repeat(size));
  }
});

/** What the command prints with --json. */
async function json(...args: string[]): Promise<unknown> {
  const print = vi.spyOn(process.stdout, 'write').mockImplementation(() => true);
  try {
    await cacheCommand().parseAsync([...args, '--json'], { from: 'user' });
    return JSON.parse(String(print.mock.calls[0]![0]));
  } finally {
    print.mockRestore();
  }
}
const there = async () =>
  (await readdir(home.path(), { recursive: true, withFileTypes: true }))
    .filter((one) => one.isFile())
    .map((one) => join(one.parentPath, one.name).slice(home.path().length + 1))
    .sort();

it('lists the contents and their sizes', async () => {
  const { kinds, bytes } = (await json()) as { kinds: { name: string; bytes: number }[]; bytes: number };
  expect(Object.fromEntries(kinds.map((one) => [one.name, one.bytes]))).toEqual({
    ...{
      prompts: 105,
      folded: 400,
      index: 200,
      data: 1050,
      scores: 30,
      downloads: 7,
      other: 3,
      bases: 11_000,
    },
  });
  expect(bytes).toBe(12_795);
});

it('deletes everything but bases, or only what is named', async () => {
  expect(await json('clear', 'prompts', 'index', '--yes')).toMatchObject({ bytes: 305 });
  expect(await there()).toEqual(
    Object.keys(sizes)
      .filter((name) => !/prompts|index/.test(name))
      .sort(),
  );
  await json('clear', '--yes');
  const kept = Object.keys(sizes).filter((name) => !name.startsWith('cache/'));
  expect(await there()).toEqual(kept.sort());
  expect(await json('clear', '--yes')).toEqual({ deleted: [], bytes: 0 });
  expect(await json('clear', 'bases', '--yes')).toMatchObject({ bytes: 11_000 });
  expect(await there()).toEqual(['runs/g/spec.json']);
});

it('asks for consent, and deletes nothing without a terminal', async () => {
  await expect(json('clear')).rejects.toMatchObject({ code: 'bad-argument' });
  expect(await there()).toEqual(Object.keys(sizes).sort());
});

it('keeps files that a run in progress may need', async () => {
  const { dir } = await createRun(newRun());
  const writer = await openRunWriter(dir);
  try {
    await writer.state({ status: 'running' });
    await expect(json('clear', 'bases', '--yes')).rejects.toMatchObject({ code: 'run-locked' });
    await json('clear', 'prompts', '--yes');
  } finally {
    await writer.close();
  }
  expect(existsSync(join(home.path(), 'cache/prompts'))).toBe(false);
  expect(existsSync(join(home.path(), 'models/base.gguf'))).toBe(true);
});

it('does not follow links', async () => {
  const outside = join(home.path(), 'outside');
  await mkdir(outside);
  await writeFile(join(outside, 'mine'), 'x'.repeat(999));
  await symlink(outside, join(home.path(), 'cache', 'datasets', 'link'), 'junction');
  expect(await json('clear', 'data', '--yes')).toMatchObject({ bytes: 1050 });
  expect(existsSync(join(outside, 'mine'))).toBe(true);
});
