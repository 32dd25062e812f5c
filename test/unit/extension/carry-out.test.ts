/** No answer is lost if something is missing: the problem is fixed and the wizard continues. */
import { expect, it } from 'vitest';
import {
  carryOut,
  repairsFor,
  type Answers,
  type CarryOutHost,
  type Repair,
} from '../../../src/extension/wizard/carry-out.ts';
import type { Download } from '../../../src/extension/wizard/downloads.ts';
import { UserError, type ErrorCode } from '../../../src/text/errors.ts';
import { trainingBusy } from '../../../src/runs/index.ts';

interface Plan extends Answers {
  folder: string;
  budget: { minutes: number };
}
const plan: Plan = { folder: '/code', base: 'smollm2-135m', budget: { minutes: 15 } };

const tensorflow: Download = { name: 'TensorFlow', bytes: 1, from: 'PyPI', needed: false, command: [] };
const model: Download = { name: 'SmolLM2', bytes: 1, from: 'PyPI', needed: true, command: [] };
const trouble = (code: ErrorCode, next = 'Try again.') => new UserError(code, `It is ${code}.`, next);

/** A fake editor whose user presses the given buttons, and a machine that first fails in the given ways. */
function fakeHost(failures: Record<string, Error[] | undefined>, presses: (Repair['kind'] | undefined)[]) {
  const log: string[] = [];
  let kept: Plan | undefined;
  let missing = [model, tensorflow];
  const host: CarryOutHost<Plan> = {
    missing: (answers) => {
      fail('doctor');
      return Promise.resolve(missing.filter((part) => part.needed || answers.backend !== 'wasm'));
    },
    consent: (parts) => Promise.resolve(parts),
    fetch: (part) => {
      log.push(`fetch ${part.name}`);
      fail(part.name);
      missing = missing.filter((other) => other !== part);
      return Promise.resolve();
    },
    start: (answers) => {
      fail('start');
      log.push(`start ${JSON.stringify(answers)}`);
      return Promise.resolve();
    },
    keep: (answers) => {
      kept = answers;
      return Promise.resolve();
    },
    repair: ({ code }, repairs) => {
      const kind = presses.shift();
      log.push(`${code}: ${repairs.map(({ title }) => title).join(', ')}`);
      return Promise.resolve(repairs.find((repair) => repair.kind === kind));
    },
    openTerminal: (command) => void log.push(`terminal ${command}`),
    takeStep: ({ id, subject }) => void log.push(`step ${id} ${subject}`),
    setToken: () => Promise.resolve(log.push('token')),
    askBase: () => Promise.resolve('/models/own.gguf'),
    askAgain: (answers) => Promise.resolve({ ...answers, budget: { minutes: 1 } }),
  };
  const fail = (where: string) => {
    const error = failures[where]?.shift();
    if (error) throw error;
  };
  return { host, log, kept: () => kept };
}

it('continues once the network is back, with the answers and without refetching', async () => {
  const { host, log, kept } = fakeHost({ TensorFlow: [trouble('network')] }, ['again']);
  expect(await carryOut(plan, host)).toBe(true);
  expect(log).toEqual([
    'fetch SmolLM2',
    'fetch TensorFlow',
    'network: Try Again, Continue Without TensorFlow',
    'fetch TensorFlow',
    `start ${JSON.stringify(plan)}`,
  ]);
  expect(kept()).toBeUndefined();
});

it('installs a compiler in a terminal, and retries on confirmation', async () => {
  const missing = trouble('compiler-missing', 'Install one with `sudo apt install g++` and try again.');
  const { host, log } = fakeHost({ TensorFlow: [missing] }, ['terminal', 'again']);
  expect(await carryOut(plan, host)).toBe(true);
  const offer = 'compiler-missing: Run "sudo apt install g++", Try Again, Continue Without TensorFlow';
  expect(log.slice(2, 5)).toEqual([offer, 'terminal sudo apt install g++', offer]);
  expect(log.at(-1)).toBe(`start ${JSON.stringify(plan)}`);
});

it.each(['compiler-missing', 'network', 'cancelled'] as const)(
  'trains without TensorFlow if it is unavailable (%s)',
  async (code) => {
    const { host, log } = fakeHost({ TensorFlow: [trouble(code)] }, ['without']);
    expect(await carryOut(plan, host)).toBe(true);
    expect(log.at(-1)).toBe(`start ${JSON.stringify({ ...plan, backend: 'wasm' })}`);
    expect(log.filter((line) => line === 'fetch TensorFlow')).toHaveLength(1);
  },
);

it('uses a base on disk if none can be fetched', async () => {
  const { host, log } = fakeHost({ SmolLM2: [trouble('network')] }, ['base']);
  await carryOut(plan, host);
  expect(log[1]).toBe('network: Try Again, Choose Another Model');
  expect(log.at(-1)).toContain('"base":"/models/own.gguf"');
});

it('keeps the answers on leaving, whatever went wrong: a cancelled download, a failed doctor', async () => {
  for (const failures of [
    { SmolLM2: [trouble('cancelled')] },
    { doctor: [new Error('broken')] },
    { start: [trouble('corpus-empty')] },
  ]) {
    const { host, kept } = fakeHost(failures, [undefined]);
    expect(await carryOut(plan, host)).toBe(false);
    expect(kept()).toEqual(plan);
  }
});

it('asks again if the work itself does not start', async () => {
  const { host, log } = fakeHost({ start: [trouble('memory')] }, ['answers']);
  expect(await carryOut(plan, host)).toBe(true);
  expect(log.at(-1)).toContain('"minutes":1');
  expect(
    repairsFor({ code: 'base-not-gguf', message: '', next: '' }, undefined).map(({ kind }) => kind),
  ).toEqual(['again', 'base', 'answers']);
});

it('stops the run in progress with the button that the text names, and retries', async () => {
  const busy = trainingBusy('Run garden-ab12', 'Wait until it ends, or stop it with {cancel garden-ab12}.');
  const { host, log } = fakeHost({ start: [busy] }, ['step', 'again']);
  expect(await carryOut(plan, host)).toBe(true);
  const offer = 'training-busy: Try Again, Change Answers, Stop Training';
  expect(log.slice(2)).toEqual([offer, 'step cancel garden-ab12', offer, `start ${JSON.stringify(plan)}`]);
});

it('offers no step that would restart the same wizard', () => {
  const next = 'Check the path, or run {models} for the known bases; {doctor} says more.';
  const titles = repairsFor({ code: 'base-not-found', message: '', next }, undefined).map(
    ({ title }) => title,
  );
  expect(titles).toEqual(['Try Again', 'Choose Another Model', 'Change Answers', 'Doctor']);
});

it('offers another model for an adapter of another one', () => {
  const repairs = repairsFor({ code: 'adapter-mismatch', message: '', next: '' }, undefined);
  expect(repairs.map(({ kind }) => kind)).toEqual(['again', 'base', 'answers']);
});
