import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, vi } from 'vitest';
import type { Tokenizer } from '../../../src/llama-cpp/tokenizer.ts';
import type { RatioItem } from '../../../src/statistics/statistics.ts';
import type { EvaluatedModel, PlanContext, ScoreContext } from '../../../src/evaluation/task.ts';
import type { HostCompletion } from '../../../src/serving/host-types.ts';

/** Each value with weight one. */
export const partsOf = (values: ArrayLike<number>): RatioItem[] =>
  Array.from(values, (sum) => ({ sum, weight: 1 }));

/** A folder for each test file, also used as the data folder. */
export function useFolder() {
  let dir = '';
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'fmn-evaluation-'));
    vi.stubEnv('FORGET_ME_NOT_HOME', dir);
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await rm(dir, { recursive: true, force: true });
  });
  return {
    path: (name: string) => join(dir, name),
    async write(name: string, content: string): Promise<string> {
      await writeFile(join(dir, name), content);
      return join(dir, name);
    },
    rows(name: string, rows: readonly object[]): Promise<string> {
      return this.write(name, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    },
  };
}

/** One token per character, its code unit. */
export const charTokenizer = {
  encode: (text: string) => Int32Array.from(text, (character) => character.charCodeAt(0)),
  decode: (tokens: Int32Array) => String.fromCharCode(...tokens),
  eos: 0,
} as Tokenizer;

export const answerOf = (text: string): HostCompletion => ({
  text,
  promptTokens: 1,
  cachedTokens: 0,
  trimmedTokens: 0,
  completionTokens: 1,
  finishReason: 'stop',
});

/** A character-level model with scripted behaviour. */
export function fakeModel(more: Partial<EvaluatedModel> = {}): EvaluatedModel {
  const unexpected = () => Promise.reject(new Error('this should not be requested'));
  return {
    name: 'fake',
    digest: 'f'.repeat(64),
    tokenizer: () => Promise.resolve(charTokenizer),
    contextLength: () => Promise.resolve(10_000),
    fillsInTheMiddle: () => Promise.resolve(false),
    complete: unexpected,
    completeAlone: unexpected,
    tokenLosses: unexpected,
    predictions: unexpected,
    klFromBase: unexpected,
    expectKl: () => Promise.resolve(),
    precision: () => Promise.resolve('f32'),
    releaseMemory: () => Promise.resolve(),
    ...more,
  };
}

export const planContext = (more: Partial<PlanContext> = {}): PlanContext => ({
  setting: 'paper',
  base: fakeModel(),
  warn: (message) => {
    throw new Error(message);
  },
  ...more,
});

export const scoreContext: ScoreContext = {
  sandbox: () => Promise.reject(new Error('nobody should ask for a sandbox')),
};

/** A sandbox that passes every program, or those for which `passes` returns true, and records them. */
export const passingSandbox = (
  programs: string[] = [],
  passes: (program: string) => boolean = () => true,
): ScoreContext => ({
  sandbox: () =>
    Promise.resolve({
      run: (program) => {
        programs.push(program);
        return Promise.resolve({ outcome: passes(program) ? 'passed' : 'failed', message: '' });
      },
      dispose: () => Promise.resolve(),
    }),
});
