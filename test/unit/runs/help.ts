import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import { hyperSchema, type RunState } from '../../../src/protocol/run.ts';
import type { NewRun } from '../../../src/runs/index.ts';

/** A data directory for each test. */
export function useTemporaryHome(): { path: () => string } {
  let home = '';
  const before = process.env['FORGET_ME_NOT_HOME'];
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'fmn-runs-'));
    process.env['FORGET_ME_NOT_HOME'] = home;
  });
  afterEach(() => {
    rmSync(home, { recursive: true, force: true });
    if (before === undefined) delete process.env['FORGET_ME_NOT_HOME'];
    else process.env['FORGET_ME_NOT_HOME'] = before;
  });
  return { path: () => home };
}

export function newRun(patch: Partial<NewRun> = {}): NewRun {
  return {
    name: 'demo',
    folder: join(tmpdir(), 'demo'),
    base: { id: 'smollm2-135m', path: join(tmpdir(), 'base.gguf'), sha256: 'ab'.repeat(32) },
    hyper: hyperSchema.parse({ learningRate: 1e-4, steps: 30 }),
    backend: 'auto',
    evaluation: { heldOutWindows: 4, humanevalProblems: 0, retentionTexts: 0 },
    versions: { 'forget-me-not': '0.1.0' },
    ...patch,
  };
}

export const startEvent = (step: number) =>
  ({
    type: 'start',
    backend: 'wasm',
    backendReason: 'always works',
    step,
    steps: 30,
    trainableParameters: 4_900_000,
    trainTokens: 1000,
    heldOutTokens: 100,
  }) as const;

export const stepEvent = (step: number, loss = 2) =>
  ({
    type: 'step',
    step,
    loss,
    learningRate: 1e-4,
    gradientNorm: 1,
    tokensPerSecond: 100,
    peakMemory: 1e9,
    etaSeconds: 10,
  }) as const;

/** Makes it a run of an earlier version that learned from the user's recorded completions. */
export function learnedFromUse(dir: string): void {
  const [spec, events] = [join(dir, 'run.json'), join(dir, 'events.jsonl')];
  const preferences = {
    file: '/home/alice/preferences/shop.jsonl',
    files: ['/home/alice/preferences/a.jsonl'],
  };
  writeFileSync(spec, JSON.stringify({ ...(JSON.parse(readFileSync(spec, 'utf8')) as object), preferences }));
  const interval = { value: -0.1, low: -0.2, high: -0.05 };
  const outcome = { taken: true, why: 'it is better', learned: 96, heldOut: 12 };
  const event = { type: 'preferences', time: '2026-11-27T10:00:00.000Z', step: 30, ...outcome };
  appendFileSync(events, `${JSON.stringify({ ...event, preferences: interval, code: interval })}\n`);
}

/** A pid that no process has. */
export const deadPid = 2 ** 22 + 12345;

export const setState = (dir: string, state: RunState) =>
  writeFileSync(join(dir, 'state.json'), JSON.stringify(state));
