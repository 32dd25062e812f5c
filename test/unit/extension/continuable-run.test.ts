/** "Continue RUN with what changed since", as the wizard offers it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { findKnownBase } from '../../../src/base-models/registry.ts';
import {
  newestContinuable,
  continueChoice,
  findContinuableRun,
  type ContinuableRun,
  baseReference,
} from '../../../src/extension/wizard/continuable-run.ts';
import type { Draft } from '../../../src/extension/draft.ts';
import { back, askSteps, type Step } from '../../../src/extension/wizard/steps.ts';
import { askPlan, trainArguments } from '../../../src/extension/wizard/wizard.ts';
import type { RunSnapshot } from '../../../src/protocol/panel.ts';
import { answers, reset, shown } from './fake-vscode.ts';

vi.mock('vscode', () => import('./fake-vscode.ts'));
beforeEach(reset);

const models = mkdtempSync(join(tmpdir(), 'fmn-continuing-'));
afterAll(() => rmSync(models, { recursive: true }));
const base = { id: 'smollm2-135m', path: join(models, findKnownBase('smollm2-135m')!.file) };
writeFileSync(base.path, '');

const runOf = (
  id: string,
  patch: { spec?: object; state?: object; summary?: object; events?: object[] } = {},
) =>
  ({
    spec: {
      id,
      name: 'garden',
      folder: '/garden',
      createdAt: '2026-10-26T10:00:00Z',
      base,
      hyper: { method: 'lora' },
      corpus: { mode: 'pretrain' },
      ...patch.spec,
    },
    state: { status: 'done', ...patch.state },
    events: patch.events ?? [],
    ...(patch.summary && { summary: patch.summary }),
  }) as unknown as RunSnapshot;
/** Runs in a window that has just opened: none until they are read. */
function runsOf(...read: RunSnapshot[]) {
  const runs = { all: [] as RunSnapshot[], refresh: async () => void runs.all.push(...read) };
  return runs;
}
const changed = { run: 'newest', files: 34, share: 0.12, enough: true };

describe('the run', () => {
  it('is the newest one of the folder whose adapter can be trained further', () => {
    const unfit = [
      runOf('elsewhere', { spec: { folder: '/other' } }),
      runOf('failed', { state: { status: 'failed' } }),
      runOf('full', { spec: { hyper: { method: 'full' } } }),
      runOf('instruct', { spec: { corpus: { mode: 'instruct' } } }),
      runOf('mismatched', { summary: { served: { ok: false }, comparisons: [] } }),
      runOf('refused', { summary: { choice: { strength: 0, why: 'nothing is better' }, comparisons: [] } }),
    ];
    expect(newestContinuable(unfit, ['/garden'])).toBeUndefined();
    expect(newestContinuable([...unfit, runOf('newest'), runOf('older')], ['/garden'])!.spec.id).toBe(
      'newest',
    );
  });

  it('is one of exactly the chosen folders, in any order', () => {
    const folders = [
      { path: '/garden', name: 'garden' },
      { path: '/shop', name: 'shop' },
    ];
    const both = runOf('both', { spec: { folders } });
    expect(newestContinuable([both], ['/garden'])).toBeUndefined();
    expect(newestContinuable([runOf('one')], ['/garden', '/shop'])).toBeUndefined();
    expect(newestContinuable([runOf('one'), both], ['/shop', '/garden'])).toBe(both);
  });

  it('may have been started in a terminal, which on Windows writes the drive in upper case', () => {
    const { platform } = process;
    Object.defineProperty(process, 'platform', { value: 'win32' });
    onTestFinished(() => void Object.defineProperty(process, 'platform', { value: platform }));
    const run = runOf('mine', { spec: { folder: 'C:\\code\\garden' } });
    expect(newestContinuable([run], ['c:\\code\\garden'])).toBe(run);
    expect(newestContinuable([run], ['c:\\code\\shop'])).toBeUndefined();
  });

  it.each([
    ['enough has changed', () => Promise.resolve(changed), { changed }],
    ['little has changed', () => Promise.resolve({ ...changed, enough: false }), undefined],
    ['the change is unknown', () => Promise.reject(new Error('no node')), undefined],
  ])('is offered or not if %s', async (_, answer, wanted) => {
    const asked: string[][] = [];
    const children = { ask: (_schema: unknown, args: string[]) => (asked.push(args), answer()) };
    const context = { children, runs: runsOf(runOf('newest')) };
    const found = await findContinuableRun(context as never, ['/garden']);
    if (wanted) expect(found).toMatchObject({ run: { spec: { id: 'newest' } }, ...wanted });
    else expect(found).toBeUndefined();
    expect(asked).toEqual([['changed', 'newest']]);
  });

  it('is not offered if its base no longer exists', async () => {
    const gone = runOf('newest', { spec: { base: { ...base, path: join(models, 'gone.gguf') } } });
    const context = { children: { ask: () => Promise.resolve(changed) }, runs: runsOf(gone) };
    expect(await findContinuableRun(context as never, ['/garden'])).toBeUndefined();
  });

  it("names its base so that nothing is downloaded: a user's own file by its path", () => {
    const { sha256, ...own } = { id: 'tiny', path: join(models, 'tiny.gguf'), sha256: '' };
    expect(baseReference({ ...base, sha256 })).toBe('smollm2-135m');
    expect(baseReference({ ...own, sha256 })).toBe(own.path);
  });

  it('is shown with what has changed', () => {
    expect(continueChoice({ run: runOf('newest'), changed })).toMatchObject({
      label: '$(history) Continue garden with what changed since',
      description: expect.stringContaining('SmolLM2-135M'),
      detail: expect.stringMatching(/^34 files are new or changed, 12% of the text to learn\./),
    });
  });
});

describe('the wizard', () => {
  const bases = () =>
    Promise.resolve({ models: [], default: { id: 'qwen2.5-coder-0.5b', why: 'it suits the machine' } });
  const ask = (
    kept: Draft = {},
    runs: RunSnapshot[] = [],
    found: ContinuableRun = { run: runOf('newest'), changed },
  ) =>
    askPlan(
      {
        bases,
        machine: () => Promise.resolve({ backend: 'wasm' }),
        continuing: () => Promise.resolve(found),
        runs: () => runs,
        eventsOf: ({ events }) => Promise.resolve(events),
      },
      { folders: ['/garden'], ...kept },
      () => undefined,
    );

  it('then asks only for the budget', async () => {
    answers.push('$(history) Continue garden', 'Quick');
    const plan = (await ask())!;
    expect(shown).toHaveLength(2);
    expect(trainArguments(plan).slice(0, 5)).toEqual([
      'train',
      '/garden',
      '--continue',
      'newest',
      '--minutes',
    ]);
    // If another base was chosen to fix a problem, it is a separate training.
    expect(trainArguments({ ...plan, base: 'smollm2-360m' })).not.toContain('--continue');
  });

  it.each([true, false])('puts it first if something is known to have changed: %s', async (isKnown) => {
    // The first row, whatever it is.
    answers.push('$(', 'Quick');
    const plan = (await ask({}, [], { run: runOf('newest'), ...(isKnown && { changed }) }))!;
    expect(trainArguments(plan).includes('--continue')).toBe(isKnown);
  });

  it('starts from scratch if the user prefers, even on the same base', async () => {
    answers.push('$(settings) Choose', 'SmolLM2-135M', 'LoRA', 'Quick');
    const plan = (await ask({ continues: { run: 'newest', name: 'garden', base: 'smollm2-135m' } }))!;
    expect(trainArguments(plan).slice(0, 6)).toEqual([
      'train',
      '/garden',
      '--base',
      'smollm2-135m',
      '--method',
      'lora',
    ]);
  });

  it('accepts all recommendations with one answer', async () => {
    answers.push('$(rocket) Qwen2.5-Coder-0.5B');
    const plan = (await ask({ method: 'full', budget: { steps: 3 } }))!;
    expect(shown).toHaveLength(1);
    expect(trainArguments(plan).slice(0, 8)).toEqual([
      'train',
      '/garden',
      '--base',
      'qwen2.5-coder-0.5b',
      '--method',
      'lora',
      '--minutes',
      '10',
    ]);
  });

  it('says how much the last run learned late', async () => {
    const askedHowLong = async (...runs: RunSnapshot[]) => {
      answers.push('$(settings) Choose', 'SmolLM2-135M', 'LoRA', 'Quick');
      await ask({}, runs);
      return shown.at(-1);
    };
    const heldOut = (step: number, value: number) => ({
      ...{ type: 'evaluation' as const, time: '', step },
      result: {
        task: 'workspace',
        metric: 'loss',
        value,
        low: value,
        high: value,
        n: 9,
        setting: 'during training',
      },
    });
    const events = [heldOut(0, 1.5), heldOut(50, 1.4), heldOut(100, 1.3)];
    const late = runOf('late', { events });
    const said = 'How long may it take? Last time, 50% was learned in the second half. (Quick)';
    expect(await askedHowLong(late)).toBe(said);
    expect(await askedHowLong(runOf('newer'), late)).toBe('How long may it take? (Quick)');
    const other = runOf('other', { spec: { base: { ...base, id: 'smollm2-360m' } } });
    expect(await askedHowLong(other, late)).toBe(said);
    answers.push('$(settings) Choose', 'SmolLM2-135M', 'Full', 'Quick');
    await ask({}, [late]);
    expect(shown.at(-1)).toBe('How long may it take? (Quick)');
  });

  it('goes back past skipped questions', async () => {
    const asked: string[] = [];
    const replies = ['a', back, 'b', 'c'];
    const step =
      (name: string): Step<string> =>
      (plan) => {
        asked.push(name);
        const reply = replies.shift()!;
        return Promise.resolve(typeof reply === 'string' ? plan + reply : back);
      };
    const nothing: Step<string> = (plan) => Promise.resolve(plan);
    expect(await askSteps('', [step('first'), nothing, step('last')])).toBe('bc');
    expect(asked).toEqual(['first', 'last', 'first', 'last']);
  });
});
