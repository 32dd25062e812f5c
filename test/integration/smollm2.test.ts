/** A real base as served and as trained: SmolLM2-135M in Q4_1, downloaded as on a user's machine. */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openTokenizer } from '../../src/llama-cpp/tokenizer.ts';
import { resolveBase } from '../../src/base-models/resolve.ts';
import { compareDistributions } from '../../src/runs/verify.ts';
import { openLlamaHost } from '../../src/serving/host/llama-host.ts';
import { openScorer } from '../../src/training/scorer.ts';
import { Workplace } from '../support/cli.ts';
import { writeTinyAdapter } from '../support/tiny-model.ts';

const POSITIONS = 96;
const models = ['base', 'adapter'] as const;
let place: Workplace;
let base: string;
let adapter: string;
let texts: Int32Array[];
/** llama.cpp's distributions for each text. */
let served: Record<(typeof models)[number], (readonly Float32Array[])[]>;

beforeAll(async () => {
  place = await Workplace.create();
  base = (await resolveBase('smollm2-135m')).path;
  adapter = place.path('adapter.gguf');
  await writeTinyAdapter(adapter, base, { scale: 0.03 });
  const tokenizer = await openTokenizer(base);
  const code = await readFile('node_modules/commander/lib/command.js', 'utf8');
  texts = [code.slice(2000, 4000), code.slice(-2000)].map((text) =>
    tokenizer.encode(text).slice(0, POSITIONS),
  );
  await tokenizer.dispose();
  const host = await openLlamaHost({
    basePath: base,
    adapters: [{ name: 'adapter', path: adapter }],
    threads: 1,
  });
  served = { base: [], adapter: [] };
  for (const model of models)
    for (const tokens of texts) served[model].push(await host.distributions(model, tokens));
  await host.dispose();
});
afterAll(() => place?.dispose());

it.each(['f32', 'bf16'] as const)(
  'is served as trained in %s: mean KL under 0.01 nats per token',
  async (precision) => {
    const scorer = await openScorer({ basePath: base, adapterPath: adapter, backend: 'auto', precision });
    try {
      for (const model of models)
        for (const [index, tokens] of texts.entries()) {
          const trained = await scorer.probabilities(tokens, model === 'base' ? 'base' : 'result');
          const { meanKl, tokens: positions } = compareDistributions(trained, served[model][index]!);
          expect(positions).toBe(POSITIONS);
          expect(meanKl).toBeLessThan(0.01);
        }
      // The base fails the comparison.
      const trained = await scorer.probabilities(texts[0]!, 'result');
      expect(compareDistributions(trained, served.base[0]!).meanKl).toBeGreaterThan(0.01);
    } finally {
      scorer.dispose();
    }
  },
);
