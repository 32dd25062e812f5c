/** The messages about a result: what they say and offer if a model with another base completes the code. */
import { expect, test, vi } from 'vitest';
import { modelFromBase, modelFromRun } from '../../../src/extension/completion/completion-model.ts';
import { announceEnd, announceReady } from '../../../src/extension/results/end-message.ts';
import { makeRun } from '../webview/fixtures.ts';

vi.mock('vscode', () => import('./fake-vscode.ts'));

const run = makeRun();
const other = modelFromBase({ id: 'qwen2.5-coder-0.5b', path: '/qwen.gguf', sha256: 'cd'.repeat(32) });

/** What is shown with `inUse` completing the code, and its buttons. */
async function shownWith(
  inUse: object | undefined,
  announce = announceEnd,
  isOn = true,
  ended = run,
  status = 'done',
) {
  const shown: { message: string; buttons: string[] }[] = [];
  const notify = async (_: string, message: string, ...buttons: { title: string }[]) =>
    void shown.push({ message, buttons: buttons.map(({ title }) => title) });
  const services = {
    log: { notify },
    runs: { statusOf: () => status },
    completion: { inUse, isOn },
    store: {},
  };
  await announce(services as never, ended);
  return shown;
}

test('a result is offered if nothing completes yet, or its own base does', async () => {
  for (const inUse of [undefined, modelFromBase(run.spec.base)]) {
    const [end] = await shownWith(inUse);
    expect(end!.message).toMatch(/ Better than before: .*\. Your completions can use it\.$/);
    expect(end!.buttons).toEqual(['Show Results', 'Use for Completion']);
    expect((await shownWith(inUse, announceReady))[0]!.buttons).toEqual(['Use for Completion']);
  }
});

test('it is not offered in place of a model with another base, which it was not compared with', async () => {
  const [end] = await shownWith(other);
  expect(end!.message).toMatch(
    / Better than SmolLM2-135M-Instruct was: .*\. Your code is completed by Qwen2\.5-Coder-0\.5B-Instruct, which was not compared\.$/,
  );
  expect(end!.buttons).toEqual(['Show Results']);
  expect(await shownWith(other, announceReady)).toEqual([]);
  // While completion is off, nothing completes the code.
  expect((await shownWith(other, announceReady, false))[0]!.buttons).toEqual(['Use for Completion']);
});

const earlier = { ...run, spec: { ...run.spec, id: 'r1', name: 'yesterday' } };
const { base } = run.spec;
const withSpec = (patch: object) => ({ ...run, spec: { ...run.spec, ...patch } });

test.each([
  ['another result on the same base', modelFromRun(earlier), run, 'SmolLM2-135M-Instruct'],
  [
    'the base with its reference adapter',
    modelFromBase(base, '/reference.gguf'),
    run,
    'SmolLM2-135M-Instruct',
  ],
  [
    'the base alone, where training began with the reference adapter',
    modelFromBase(base),
    withSpec({ reference: { sha256: 'ab' } }),
    'SmolLM2-135M-Instruct with its reference adapter',
  ],
  [
    'another result than the one that it continues',
    modelFromRun(earlier),
    withSpec({ continues: { run: 'r0', sha256: 'ab' } }),
    'r0',
  ],
])('what it was compared with is named if the code is completed by %s', async (_, inUse, ended, before) => {
  const [end] = await shownWith(inUse, announceEnd, true, ended);
  expect(end!.message).toContain(` Better than ${before} was: `);
  expect(end!.message).toContain(`Your code is completed by ${inUse.name}, which was not compared.`);
  expect(end!.buttons).toEqual(['Show Results', 'Use for Completion']);
  expect((await shownWith(inUse, announceReady, true, ended))[0]!.buttons).toEqual(['Use for Completion']);
});

test.each([
  [modelFromBase(base, '/reference.gguf'), withSpec({ reference: { sha256: 'ab' } })],
  [modelFromRun(earlier), withSpec({ continues: { run: 'r1', sha256: 'ab' } })],
])('a model that it was compared with is called "before"', async (inUse, ended) => {
  const [end] = await shownWith(inUse, announceEnd, true, ended);
  expect(end!.message).toContain(' Better than before: ');
  expect(end!.message).toMatch(/\. Your completions can use it\.$/);
});

test('a result whose measuring was interrupted can be used and measured, not resumed', async () => {
  const died = { ...run, summary: undefined, state: { ...run.state, status: 'evaluating' as const } };
  const [end] = await shownWith(undefined, announceEnd, true, died, 'interrupted');
  expect(end!.buttons).toEqual(['Show Results', 'Use for Completion', 'Measure Result']);
});
