/** What is sent to a cluster must not reveal paths on this machine. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { filesIn } from '../../../src/cluster/bundle.ts';
import { stripPaths } from '../../../src/cluster/strip-paths.ts';
import { promptPath } from '../../../src/corpus/reading/folders.ts';
import { runSpecSchema } from '../../../src/protocol/run.ts';
import { createRun, readSpec } from '../../../src/runs/index.ts';
import { learnedFromUse, newRun, useTemporaryHome } from '../runs/help.ts';

useTemporaryHome();
const here = '/home/alice/clients/acme/shop';
let dir: string;
beforeEach(async () => {
  const folders = [
    { path: here, name: 'shop' },
    { path: '/a', name: 'a' },
  ];
  ({ dir } = await createRun({
    ...newRun(),
    ...{ folder: here, folders },
    base: { id: 'tiny', path: '/home/alice/models/tiny.gguf', sha256: '0'.repeat(64) },
    corpus: { data: '/home/alice/rows/all.jsonl', replay: { source: 'base', rate: 0.1 } },
  }));
  learnedFromUse(dir);
});

async function sent(): Promise<Record<string, string>> {
  const named = (await filesIn(dir, () => true)).map(({ name, from }) => ({ name: `run/${name}`, from }));
  const files = await stripPaths(named);
  const texts = files.map(async ({ name, from }) => [
    name.replace('run/', ''),
    String(Buffer.isBuffer(from) ? from : await readFile(from)),
  ]);
  return Object.fromEntries((await Promise.all(texts)) as [string, string][]);
}

it('keeps what a worker needs, without paths', async () => {
  const text = (await sent())['run.json']!;
  expect(text).not.toContain('alice');
  const spec = runSpecSchema.parse(JSON.parse(text));
  expect(spec).toMatchObject({
    folder: 'shop',
    folders: [
      { path: 'shop', name: 'shop' },
      { path: 'a', name: 'a' },
    ],
    base: { id: 'tiny', path: 'tiny.gguf', sha256: '0'.repeat(64) },
    corpus: { data: 'all.jsonl', replay: { source: 'base' } },
  });
  // Prompts are the same there as here, and the local run is unchanged.
  const before = await readSpec(dir);
  expect(promptPath(spec, 'shop/src/a.ts')).toEqual(promptPath(before, 'shop/src/a.ts'));
  expect(before.base.path).toBe('/home/alice/models/tiny.gguf');
});

it('removes paths from other texts too, and nothing else', async () => {
  await mkdir(join(dir, 'corpus'));
  const lines = [
    { in: true, path: 'src/a.ts' },
    { in: false, path: 'a/b', detail: `EACCES: ${here}/a/b can't be read in ${here}.` },
    { in: false, path: 'c', detail: `/a/c, /ab, /a-b, x/a, ./a/c, (/a) ${homedir()}/x` },
  ];
  await writeFile(join(dir, 'corpus', 'manifest.jsonl'), lines.map((one) => JSON.stringify(one)).join('\n'));
  const weights = `weights ${here}`;
  await writeFile(join(dir, 'adapter.gguf'), weights);
  const files = await sent();
  expect(files['corpus/manifest.jsonl']!.split('\n').map((line) => JSON.parse(line) as object)).toEqual([
    lines[0],
    { ...lines[1], detail: "EACCES: shop/a/b can't be read in shop." },
    { ...lines[2], detail: 'a/c, /ab, /a-b, x/a, ./a/c, (a) ~/x' },
  ]);
  expect(files['adapter.gguf']).toBe(weights);
});
