/** `reproduce` as a command on a tiny model: it keeps to its budget, can be stopped, and repeats nothing when resumed. */
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { claimResultSchema, reproductionStateSchema } from '../../src/protocol/reproduction.ts';
import type { Hyper } from '../../src/protocol/run.ts';
import type { Workplace } from '../support/cli.ts';
import { createSmallRun, openTraining, trainToEnd } from '../support/trainer.ts';

let place: Workplace;
let code: string;
let base: string;
beforeAll(async () => {
  ({ place, base, code } = await openTraining());
  vi.stubEnv('FORGET_ME_NOT_HOME', place.home);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await place.dispose();
});

const small = () => [code, '--base', base, '--seq', '32'];
const answerSchema = z.object({
  reproduction: z.string(),
  dir: z.string(),
  seconds: z.number(),
  claims: z.array(claimResultSchema),
});
const stateIn = async (dir: string) =>
  reproductionStateSchema.parse(JSON.parse(await readFile(join(dir, 'results.json'), 'utf8')));

it('ends within its budget with a table of claims, and repeats nothing when resumed', async () => {
  const minutes = 1;
  const asked = [...small(), '--budget', String(minutes), '--claims', 'forgetting,rates,rank'];
  const { dir, claims, seconds, reproduction } = answerSchema.parse(await place.json('reproduce', ...asked));
  expect(seconds).toBeLessThanOrEqual(60 * minutes);
  expect(claims.map(({ claim }) => claim)).toEqual(['forgetting', 'rank', 'rates']);
  for (const { verdict, why, effects } of claims)
    // A fast machine makes so many steps that a run of the tiny model may diverge, which also ends a claim.
    if (verdict === 'not run') expect(why).toMatch(/^budget$|^Training diverged at step /);
    else {
      for (const { value, low, high } of effects) expect(low <= value && value <= high).toBe(true);
      if (effects.every(({ bySeed = [] }) => bySeed.length < 3)) expect(verdict).toBe("can't tell");
    }
  const report = await readFile(join(dir, 'report.md'), 'utf8');
  for (const { title } of claims) expect(report).toContain(title);

  // Its runs are listed like any others.
  const before = await stateIn(dir);
  const listed = await place.json<
    { id: string; name: string; status: string }[] | { runs: { id: string }[] }
  >('runs');
  const ids = (Array.isArray(listed) ? listed : listed.runs).map(({ id }) => id);
  for (const id of Object.values(before.runs)) expect(ids).toContain(id);

  const again = answerSchema.parse(
    await place.json('reproduce', '--resume', reproduction, '--budget', '0.5'),
  );
  expect(again.dir).toBe(dir);
  const after = await stateIn(dir);
  expect(after).toMatchObject({ steps: before.steps, runs: before.runs });
  // The remaining time may add seeds.
  const judged = claims.filter(({ verdict }) => verdict !== 'not run');
  expect(judged.length).toBeGreaterThan(0);
  for (const { claim, run } of judged) {
    const second = again.claims.find((one) => one.claim === claim)!;
    expect(second.verdict).not.toBe('not run');
    for (const line of run)
      expect(second.run.some((one) => one.startsWith(line.replace(/\)$/, '')))).toBe(true);
  }
});

it('prints the table so far when stopped', async () => {
  const args = ['reproduce', ...small(), '--budget', '10', '--claims', 'forgetting,targets'];
  const { exit, printed } = await place.interrupt(args, /\[1\/1\] Learning rates/, 500);
  expect(exit).toBe(0);
  expect(printed).toMatch(/1\. not run: stopped +LoRA forgets less/);
  expect(printed).toMatch(/2\. not run: stopped +Attention alone learns less/);
  expect(printed).toMatch(/Resume with: forget-me-not reproduce --resume \S+-reproduce-/);
  // The same command resumes it.
  const again = await place.interrupt(args, /Learning rates|\[1\//);
  expect(again.printed).toMatch(/Resuming \S+-reproduce-/);
});

describe('compare', () => {
  it('compares the runs of a reproduction', async () => {
    const train = async (hyper: Partial<Hyper>) => {
      const evaluation = { retentionTexts: 2, heldOutWindows: 4 };
      const hyperparameters = { steps: 2, sequenceLength: 32, ...hyper };
      const dir = await createSmallRun({ base, code, hyper: hyperparameters, evaluation });
      await trainToEnd(dir);
      return basename(dir);
    };
    const [one, two] = [
      await train({ learningRate: 1e-3 }),
      await train({ learningRate: 1e-2, method: 'full' }),
    ];
    type Comparison = {
      differs: { setting: string; values: string[] }[];
      against: { comparisons: { task: string; difference: { value: number } }[] }[];
      warnings: string[];
    };
    const { differs, against, warnings } = await place.json<Comparison>('compare', one, two);
    expect(differs).toContainEqual({ setting: 'method', values: ['lora', 'full'] });
    expect(differs).toContainEqual({ setting: 'learning rate', values: ['1e-3', '0.01'] });
    const tasks = new Set(against[0]!.comparisons.map(({ task }) => task));
    expect(tasks).toEqual(new Set(['workspace', 'retention']));
    expect(warnings).toEqual([]);
    const { code: exit, stdout } = await place.run('compare', one, two);
    expect(exit).toBe(0);
    expect(stdout).toMatch(/workspace loss \(nats\/token\)/);
    const alone = await place.run('compare', one);
    expect(alone.code).toBe(1);
    expect(alone.stderr).toMatch(/\[bad-argument\] There is nothing to compare with only one run/);
  });
});

it.each([
  [['--claims', 'forgetting,nothing'], /There is no claim "nothing"\. The claims are: forgetting, learning/],
  [['--seeds', '0'], /--seeds/],
  [['--budget', '0'], /number of at least 0.5|from 0.5/],
  [['--data', 'gsm8k=x.jsonl'], /Benchmarks are hellaswag, arc_challenge, winogrande/],
  [['--seq', '9999'], /longer than the context/],
])('refuses %j', async (args, message) => {
  const { code: exit, stderr } = await place.run('reproduce', ...small(), ...args);
  expect(exit).toBe(1);
  expect(stderr).toMatch(message);
});

it.each([
  [['--budget', '1'], /\[run-not-found\] There is no reproduction "none"/],
  [['--seeds', '3'], /\[bad-argument\] --seeds belongs to a new reproduction/],
  [['--backend', 'wasm'], /\[bad-argument\] --backend belongs to a new reproduction/],
])('refuses --resume none %j', async (args, message) => {
  const { code: exit, stderr } = await place.run('reproduce', '--resume', 'none', ...args);
  expect(exit).toBe(1);
  expect(stderr).toMatch(message);
});
