/** Facts about a base's chat support, read without loading the whole file. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { chatFacts } from '../../../src/base-models/chat-facts.ts';
import { writeTinyModel } from '../../support/tiny-model.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'fmn-chat-facts-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

it('finds the template and the context length', async () => {
  const path = join(dir, 'chat.gguf');
  await writeTinyModel(path, { context: 32_768, chatTemplate: '{{ messages }}' });
  expect(await chatFacts(path)).toEqual({ hasTemplate: true, contextLength: 32_768 });
});

it('returns undefined if a file is missing or has none', async () => {
  const path = join(dir, 'plain.gguf');
  await writeTinyModel(path, { context: 512 });
  expect(await chatFacts(path)).toEqual({ hasTemplate: false, contextLength: 512 });
  expect((await chatFacts(join(dir, 'gone.gguf'))).hasTemplate).toBe(false);
});
