/** "Import Adapter" when something is missing halfway: answers are kept, the problem is fixed, and it continues. */
import { beforeEach, expect, it, vi } from 'vitest';
import type { Context } from '../../../src/extension/context.ts';
import type { ImportDraft } from '../../../src/extension/draft.ts';
import { importAdapter } from '../../../src/extension/wizard/import-adapter.ts';
import { UserError, type ErrorCode } from '../../../src/text/errors.ts';
import { answers, reset, shown } from './fake-vscode.ts';

vi.mock('vscode', () => import('./fake-vscode.ts'));
beforeEach(reset);

const plan = { kind: 'gguf', path: '/adapters/garden.gguf', base: 'smollm2-135m' } as const;
const trouble = (code: ErrorCode, next = 'Try later.') => new UserError(code, `It is ${code}.`, next);

/** An extension whose command line first fails in the given ways; `have` has been downloaded before. */
function fakeContext(failures: Record<string, Error[]>, { have = [] as string[], kept = {} as ImportDraft }) {
  const asked: string[] = [];
  const state = { kept };
  const tensorflow = () => ({ name: 'tensorflow', command: 'x', starts: have.includes('runtime') });
  const answerTo = (command: string) => {
    if (command === 'doctor')
      return {
        backends: [tensorflow()],
        models: have.includes('models') ? [{ path: '/m/SmolLM2-135M-Instruct.Q4_1.gguf' }] : [],
      };
    return command === 'models'
      ? { models: [], default: { id: plan.base, why: 'it fits' } }
      : { run: 'garden-ab12' };
  };
  const context = {
    store: {
      get importDraft() {
        return state.kept;
      },
      saveImportDraft: (draft: ImportDraft | undefined) => Promise.resolve((state.kept = draft ?? {})),
    },
    children: {
      ask(_: unknown, args: string[]) {
        const [command] = args as [string];
        const looksUp = command === 'doctor' || (command === 'models' && args[1] !== 'fetch');
        const error = failures[looksUp ? `look up ${command}` : command]?.shift();
        if (!looksUp) asked.push(args.join(' '));
        if (error) return Promise.reject(error);
        if (!looksUp) have.push(command);
        return Promise.resolve(answerTo(command));
      },
    },
    log: {
      warn: () => undefined,
      showError: (error: Error, ...actions: { title: string }[]) =>
        shown.push(`${error.message} [${actions.map(({ title }) => title).join(', ')}]`),
      notify: (_: string, message: string) => Promise.resolve(shown.push(message)),
    },
    runs: { refresh: () => Promise.resolve() },
  };
  return { context: context as unknown as Context, asked, kept: () => state.kept };
}

const chosen = ['A GGUF', plan.path, 'SmolLM2-135M-Instruct'];
const imported = `import ${plan.path} --base ${plan.base} --yes`;
const measured = 'evaluate garden-ab12 --tasks retention';

it.each(['network', 'compiler-missing'] as const)(
  'continues without TensorFlow if it is unavailable (%s), and asks nothing twice',
  async (code) => {
    const { context, asked, kept } = fakeContext(
      { runtime: [trouble(code, 'Run `sudo apt install g++`.')] },
      {},
    );
    answers.push(...chosen, 'Download', 'Continue Without');
    await importAdapter(context);
    expect(asked.slice(1)).toEqual(['runtime install --yes', imported, measured]);
    expect(shown[4]).toMatch(/Your answers are kept\. \[.*Try Again, Continue Without TensorFlow\]/);
    expect(shown.at(-1)).toContain('garden.gguf was imported as a run');
    expect(kept()).toEqual({});
  },
);

it('keeps the answers on leaving, and resumes with them next time', async () => {
  const { context, asked, kept } = fakeContext({ models: [trouble('network')] }, {});
  answers.push(...chosen, 'Download', undefined);
  await importAdapter(context);
  expect(kept()).toEqual({ ...plan, backend: undefined });
  expect(asked).toEqual(['models fetch smollm2-135m']);

  reset();
  answers.push('Continue with garden.gguf, trained on SmolLM2-135M-Instruct', 'Download');
  await importAdapter(context);
  expect(asked.slice(-2)).toEqual([imported, measured]);
  expect(shown).toHaveLength(3);
});

it('asks again, with the answers filled in, if they are the problem', async () => {
  const have = ['models', 'runtime'];
  const { context, asked } = fakeContext({ import: [trouble('adapter-damaged')] }, { have });
  answers.push(...chosen, 'Change Answers', 'A GGUF', '/adapters/other.gguf', 'SmolLM2-135M-Instruct');
  await importAdapter(context);
  expect(shown.slice(4, 6)).toEqual([
    'In which format is the adapter? (A GGUF adapter)',
    `Adapter to Import (${plan.path})`,
  ]);
  expect(asked).toEqual([imported, imported.replace('garden', 'other'), measured]);
});

it('looks the models up again, with the chosen file kept', async () => {
  const have = ['models', 'runtime'];
  const { context, asked } = fakeContext({ 'look up models': [trouble('node-missing')] }, { have });
  answers.push('A GGUF', plan.path, 'Try Again', ...chosen);
  await importAdapter(context);
  expect(shown).toContain(`Adapter to Import (${plan.path})`);
  expect(asked).toEqual([imported, measured]);
});

it('does not repeat an import whose measuring failed', async () => {
  const have = ['models', 'runtime'];
  const { context, asked, kept } = fakeContext({ evaluate: [trouble('memory')] }, { have });
  answers.push(...chosen);
  await importAdapter(context);
  expect(asked).toEqual([imported, measured]);
  expect(shown.at(-1)).toBe('It is memory. [Measure Result]');
  expect(kept()).toEqual({});
});
