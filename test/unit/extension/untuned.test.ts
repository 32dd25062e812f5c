import { beforeEach, describe, expect, test, vi } from 'vitest';
import { switchAdapter } from '../../../src/extension/commands/completion-commands.ts';
import { completeUntuned, baseForCompletion } from '../../../src/extension/commands/untuned.ts';
import type { Context } from '../../../src/extension/context.ts';
import { answers, configured, reset, shown } from './fake-vscode.ts';

vi.mock('vscode', () => import('./fake-vscode.ts'));
beforeEach(reset);

const suited = (id: string, withTensorflow?: string) => ({
  default: { id, why: '', ...(withTensorflow && { withTensorflow: { id: withTensorflow, why: '' } }) },
});

test('completes with the base that would be fine-tuned here', () => {
  expect(baseForCompletion('auto', suited('qwen2.5-coder-1.5b'))).toBe('qwen2.5-coder-1.5b');
  expect(baseForCompletion('auto', suited('smollm2-135m', 'qwen2.5-coder-0.5b'))).toBe('qwen2.5-coder-0.5b');
});

test('but not with one that sees only the code before the cursor, unless the settings say so', () => {
  expect(baseForCompletion('auto', suited('smollm2-135m'))).toBe('qwen2.5-coder-0.5b');
  expect(baseForCompletion('smollm2-135m', suited('qwen2.5-coder-1.5b'))).toBe('smollm2-135m');
});

/** An extension on a machine that has these bases. */
function fakeContext(have: string[]) {
  const models = ['qwen2.5-coder-0.5b', 'smollm2-135m'].map((id) => ({ id, present: have.includes(id) }));
  const asked: string[] = [];
  const state = { begun: false, used: '', buttons: [] as { title: string; run: () => unknown }[] };
  const context = {
    store: { markSetupStarted: async () => void (state.begun = true) },
    refresh: () => undefined,
    children: {
      ask(_: unknown, args: string[]) {
        asked.push(args.slice(0, 3).join(' '));
        if (args[1] === 'fetch') return Promise.resolve({ id: args[2], path: '/m', sha256: 'a' });
        return Promise.resolve({ models, default: { id: 'qwen2.5-coder-0.5b', why: 'it fits' } });
      },
    },
    completion: {
      untrained: async (base: { id: string }) => ({ base }),
      use: async ({ base }: { base: { id: string } }) => void (state.used = base.id),
    },
    log: {
      notify(_: string, message: string, ...buttons: typeof state.buttons) {
        shown.push(message);
        state.buttons = buttons;
      },
    },
  };
  return { context: context as unknown as Context, asked, state };
}

describe('the download', () => {
  beforeEach(() => (configured['base'] = 'auto'));

  test('is asked about in plain words, and completion begins with the base', async () => {
    answers.push('Download');
    const { context, asked, state } = fakeContext([]);
    await completeUntuned(context);
    expect(shown.join()).toMatch(/^Completion needs a download of about 491 MB, once\. \[Download\]$/);
    expect(asked).toContain('models fetch qwen2.5-coder-0.5b');
    expect(state.used).toBe('qwen2.5-coder-0.5b');
  });

  test('is not asked about if the base is present', async () => {
    const { context, state } = fakeContext(['qwen2.5-coder-0.5b']);
    await completeUntuned(context);
    expect(shown).toEqual([]);
    expect(state.used).toBe('qwen2.5-coder-0.5b');
  });

  test('leaves a way back if declined, also to a smaller base', async () => {
    answers.push(undefined);
    const { context, asked, state } = fakeContext([]);
    await completeUntuned(context);
    expect(asked.join()).not.toContain('fetch');
    expect(state).toMatchObject({ used: '', begun: true });
    expect(shown.at(-1)).toContain('Nothing was downloaded');
    answers.push('SmolLM2-135M', 'Download');
    await state.buttons.find(({ title }) => title === 'Choose Another Model')!.run();
    expect(state.used).toBe('smollm2-135m');
  });
});

test('is offered where an adapter can not be switched to, because there is none', async () => {
  const showError = vi.fn();
  const runs = { refresh: () => Promise.resolve(), all: [] };
  const context = { runs, store: { recent: [] }, completion: {}, log: { showError } };
  await switchAdapter(context as unknown as Context);
  expect(showError).toHaveBeenCalledExactlyOnceWith(
    expect.objectContaining({ code: 'run-not-found' }),
    expect.objectContaining({ title: 'Complete Code Without Training' }),
  );
});
