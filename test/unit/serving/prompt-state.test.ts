/** Which prompts are kept on disk for the next start. */
import type { LlamaContextSequence } from 'node-llama-cpp';
import { readdirSync } from 'node:fs';
import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { PromptState } from '../../../src/serving/host/prompt-state.ts';
import { useTemporaryHome } from '../runs/help.ts';

const home = useTemporaryHome();
const files = () => readdirSync(join(home.path(), 'cache/prompts')).sort();

/** Saves a prompt that takes `bytes` on disk, and was estimated to take `estimated`. */
async function save(name: string, bytes: number, estimated = bytes) {
  const saveStateToFile = vi.fn(async (path: string) => {
    await writeFile(path, '');
    await truncate(path, bytes);
  });
  const sequence = { nextTokenIndex: 1000, saveStateToFile } as unknown as LlamaContextSequence;
  await new PromptState([name], estimated / 1000).save(sequence);
  return saveStateToFile;
}

it('one that is too large leaves the others alone, and is not written if that is known before', async () => {
  await save('small', 1e6);
  await save('other', 2e6);
  const kept = files();
  expect(kept).toHaveLength(4);
  expect(await save('large', 101e6)).not.toHaveBeenCalled();
  expect(await save('larger than estimated', 101e6, 1e6)).toHaveBeenCalledOnce();
  expect(files()).toEqual(kept);
});

it('the oldest are deleted if all together are too large', async () => {
  await save('first', 51e6);
  const [first] = files();
  await save('second', 51e6);
  expect(files()).toHaveLength(2);
  expect(files()).not.toContain(first);
});
