import { beforeEach, expect, test, vi } from 'vitest';
import { askPath } from '../../../src/extension/wizard/ask-path.ts';
import { answers, reset } from './fake-vscode.ts';

vi.mock('vscode', () => import('./fake-vscode.ts'));
beforeEach(reset);

const place = { title: 'Fine-tune', step: 1, steps: 3 };
const never = () => new Promise<never>(() => undefined);
const unknown = { bases: never, machine: never, continuing: never };

test('the wizard offers a manual choice before it knows what suits the machine', async () => {
  answers.push('$(settings)');
  expect(await askPath({ folders: ['/code'] }, place, unknown)).toMatchObject({ path: 'own' });
});
