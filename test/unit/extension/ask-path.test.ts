import { beforeEach, describe, expect, test, vi } from 'vitest';
import { askPath } from '../../../src/extension/wizard/ask-path.ts';
import { answers, configured, reset, window } from './fake-vscode.ts';

vi.mock('vscode', () => import('./fake-vscode.ts'));
beforeEach(reset);

const place = { title: 'Fine-tune', step: 1, steps: 3 };
const never = () => new Promise<never>(() => undefined);
const unknown = { bases: never, machine: never, continuing: never };

test('the wizard offers a manual choice before it knows what suits the machine', async () => {
  answers.push('$(settings)');
  expect(await askPath({ folders: ['/code'] }, place, unknown)).toMatchObject({ path: 'own' });
});

describe('the recommended row', () => {
  const [small, code] = ['smollm2-135m', 'qwen2.5-coder-0.5b'];

  /** What it says and chooses where `suited` is the base for this machine and 4 GB are free. */
  async function recommended(suited: string, inUse?: string, { least = 2e9, needsNode = false } = {}) {
    const models = [{ id: code, present: true, leastMemory: { lora: least, full: least } }];
    const createQuickPick = vi.spyOn(window, 'createQuickPick');
    answers.push('$(rocket)');
    const plan = await askPath({ folders: ['/code'] }, place, {
      bases: async () => ({ models, availableMemory: 4e9, default: { id: suited, why: 'it is' } }),
      machine: async () => ({ backend: 'wasm', needsNode }),
      continuing: async () => undefined,
      inUse: () => inUse,
    });
    const [row] = createQuickPick.mock.results[0]!.value.items;
    createQuickPick.mockRestore();
    return { ...(plan as object), ...row };
  }

  test('says that the base for this machine sees only the code before the cursor', async () => {
    expect(await recommended(small)).toMatchObject({
      label: '$(rocket) SmolLM2-135M-Instruct for 10 min',
      description: 'recommended · LoRA · uses only the code before the cursor',
      base: small,
    });
    expect(await recommended(code)).toMatchObject({ description: 'recommended · LoRA', base: code });
  });

  test('prefers the base in use, if it can fill in the middle and fits', async () => {
    expect(await recommended(small, code)).toMatchObject({
      label: '$(rocket) Qwen2.5-Coder-0.5B-Instruct for 10 min',
      description: 'recommended · LoRA',
      base: code,
    });
    expect(await recommended(small, code, { least: 5e9 })).toMatchObject({ base: small });
    expect(await recommended('qwen2.5-coder-1.5b', code)).toMatchObject({ base: 'qwen2.5-coder-1.5b' });
    configured['base'] = small;
    expect(await recommended(code, code)).toMatchObject({ base: small });
  });

  test('says that a GPU could train if Node were installed', async () => {
    const hint = / · WebAssembly · With Node 20 or newer installed, training could use a GPU\.$/;
    expect((await recommended(code, undefined, { needsNode: true })).detail).toMatch(hint);
    expect((await recommended(code)).detail).toMatch(/ · WebAssembly$/);
  });
});
