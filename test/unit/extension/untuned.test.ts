import { expect, test, vi } from 'vitest';
import { completingBase } from '../../../src/extension/completion/untuned.ts';

vi.mock('vscode', () => import('./fake-vscode.ts'));

const suited = (id: string, withTensorflow?: string) => ({
  default: { id, why: '', ...(withTensorflow && { withTensorflow: { id: withTensorflow, why: '' } }) },
});

test('completes with the base that would be fine-tuned here', () => {
  expect(completingBase('auto', suited('qwen2.5-coder-1.5b'))).toBe('qwen2.5-coder-1.5b');
  expect(completingBase('auto', suited('smollm2-135m', 'qwen2.5-coder-0.5b'))).toBe('qwen2.5-coder-0.5b');
});

test('but not with one that sees only the code before the cursor, unless the settings say so', () => {
  expect(completingBase('auto', suited('smollm2-135m'))).toBe('qwen2.5-coder-0.5b');
  expect(completingBase('smollm2-135m', suited('qwen2.5-coder-1.5b'))).toBe('smollm2-135m');
});
