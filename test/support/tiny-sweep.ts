/** A sweep on a generated model, small enough for trials of a second. */
import { join } from 'node:path';
import { examine } from '../../src/base-models/checksums.ts';
import { openTokenizer } from '../../src/llama-cpp/tokenizer.ts';
import { buildCorpus } from '../../src/corpus/index.ts';
import { sweepSpecSchema, type SweepLine } from '../../src/protocol/sweep.ts';
import { createSweep, type Sweep } from '../../src/training/sweep/store.ts';
import { writeTinyModel } from './tiny-model.ts';

/** Within FORGET_ME_NOT_HOME. `folder`: for the model and the corpus. */
export async function createTinySweep(folder: string, rates: number[], steps: number): Promise<Sweep> {
  const path = join(folder, 'tiny.gguf');
  await writeTinyModel(path, { seed: 1 });
  const tokenizer = await openTokenizer(path);
  const out = join(folder, 'corpus');
  const { digest } = await buildCorpus({ folder: 'node_modules/fastify/lib', out, tokenizer, seed: 0 });
  await tokenizer.dispose();
  const spec = sweepSpecSchema.omit({ format: true, id: true, createdAt: true }).parse({
    folder: 'code',
    corpusDigest: digest,
    base: { id: path, path, sha256: (await examine(path)).sha256 },
    methods: [{ method: 'lora', precision: 'f32', rates }],
    extend: false,
    // With dropout, so that random numbers have to be resumed, too.
    hyper: { steps, sequenceLength: 48, dropout: 0.1, optimizer: 'adamw' },
    backend: 'wasm',
    heldOutWindows: 4,
    versions: {},
  });
  return await createSweep(spec, out);
}

/** Without values that depend on when it was measured. */
export const timeless = (lines: readonly SweepLine[]): SweepLine[] =>
  lines.map((line) => ({ ...line, time: '', ...(line.type === 'trial' && { seconds: 0 }) }));
