/**
 * Multiple-choice questions against PyTorch's scores of the same rows and the same model, from multiple_choice.py (see
 * test/reference/README.md). The rows are hard to score: WikiHow's markers, contexts that end with a space, gaps at
 * either end, choices of many bytes and few characters.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Resources } from '../../src/evaluation/resources.ts';
import { arcTask } from '../../src/evaluation/tasks/arc.ts';
import { hellaswagTask } from '../../src/evaluation/tasks/hellaswag.ts';
import type { Item, ItemScore, Task } from '../../src/evaluation/task.ts';
import { winograndeTask } from '../../src/evaluation/tasks/winogrande.ts';
import { writeTinyModel } from '../support/tiny-model.ts';

interface Reference {
  logLikelihoods: number[];
  acc: 0 | 1;
  acc_norm?: 0 | 1;
}

const folder = new URL('../reference/multiple-choice/', import.meta.url);
const at = (name: string) => new URL(name, folder).pathname;
let dir: string;
let resources: Resources;
let reference: Record<string, Reference[]>;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fmn-multiple-choice-'));
  const path = join(dir, 'tiny.gguf');
  await writeTinyModel(path, { seed: 21 });
  resources = new Resources({ base: { id: 'tiny', path, sha256: '0'.repeat(64) }, backend: 'auto' });
  reference = JSON.parse(await readFile(at('golden.json'), 'utf8')) as Record<string, Reference[]>;
});
afterAll(async () => {
  await resources?.dispose();
  await rm(dir, { recursive: true, force: true });
});

async function scores<I extends Item>(task: Task<I>): Promise<ItemScore[]> {
  const found: ItemScore[] = [];
  const data = at(`${task.name}.jsonl`);
  const warn = (message: string) => expect.fail(message);
  const { items } = await task.plan({ setting: 'paper', data, base: resources.base, warn });
  const sandbox = () => Promise.reject(new Error('nothing is run here'));
  for (const item of items) found.push(await task.score(item, resources.base, { sandbox }));
  return found;
}

describe.each([hellaswagTask, arcTask, winograndeTask])('$title', (task) => {
  it("has PyTorch's log-likelihoods and verdicts", async () => {
    const found = await scores(task);
    const expected = reference[task.name]!;
    expect(found).toHaveLength(expected.length);
    for (const [row, { logLikelihoods, acc, acc_norm: accNorm }] of expected.entries()) {
      const values = (found[row]!.detail as { logLikelihoods: number[] }).logLikelihoods;
      expect(values).toHaveLength(logLikelihoods.length);
      for (const [choice, value] of values.entries())
        expect(
          Math.abs(value - logLikelihoods[choice]!),
          `row ${row + 1}, choice ${choice + 1}`,
        ).toBeLessThan(1e-3);
      expect(found[row]!.parts).toEqual({
        acc: { sum: acc, weight: 1 },
        ...(accNorm !== undefined && { acc_norm: { sum: accNorm, weight: 1 } }),
      });
    }
  });
});
