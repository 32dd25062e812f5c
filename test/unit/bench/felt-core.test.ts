import { expect, it } from 'vitest';
import { VirtualClock } from '../../../bench/felt/clock.ts';
import { CoreAssistant, variants, type Variant } from '../../../bench/felt/core.ts';
import type { BenchServer } from '../../../bench/felt/server.ts';
import type { ComputeDevice } from '../../../src/protocol/gpu.ts';

const place = { path: 'a.py', before: '', after: '\n', files: () => [] };
const device: ComputeDevice = { backend: 'cpu', devices: [], layers: 0, ofLayers: 1, threads: 1 };
const own = { name: 'own-run', path: '/own.gguf', wholeRepositories: true };

/** Types "total = " in the typing rhythm; returns the suggestion, its delay, and the adapter asked. */
async function suggested(variant: Variant, logprob: number) {
  const clock = new VirtualClock(() => 0);
  const asked: unknown[] = [];
  const server: Pick<BenchServer, 'stream' | 'ready'> = {
    ready: { type: 'ready', port: 0, models: [], fillInTheMiddle: true, device },
    stream: (body, onText) => {
      asked.push((body as { model?: string }).model);
      onText('count(values)', logprob);
      return Promise.resolve({ text: 'count(values)', finishReason: 'stop' });
    },
  };
  const where = { repository: 'repo', parts: () => Promise.resolve([]), adapters: { own } };
  const assistant = new CoreAssistant(server, clock, where, variant);
  const suggest = (before: string) => assistant.suggest({ ...place, before }, new AbortController().signal);
  for (const before of ['t', 'to', 'tot', 'tota', 'total', 'total ', 'total =']) {
    void suggest(before);
    await clock.until(clock.now() + 200);
  }
  const began = clock.now();
  let after: number | undefined;
  const found = suggest('total = ').then((suggestion) => {
    after = clock.now() - began;
    return suggestion;
  });
  await clock.until(began + 1000);
  return { text: (await found)?.text, after, asked };
}

it('shows a nearly certain part between two keys, and the rest after a pause', async () => {
  const certain = await suggested(variants.ours, -0.01);
  const likely = await suggested(variants.ours, -1);
  expect([certain.text, likely.text]).toEqual(['count(values)', 'count(values)']);
  expect(certain.after).toBeLessThan(250);
  expect(likely.after).toBeGreaterThanOrEqual(250);
});

it("asks its side's adapter, or the base if there is none", async () => {
  expect(new Set((await suggested(variants.ours, 0)).asked)).toEqual(new Set(['base']));
  expect(new Set((await suggested(variants.trained, 0)).asked)).toEqual(new Set(['own-run']));
  expect(new Set((await suggested(variants.foreign, 0)).asked)).toEqual(new Set(['base']));
});
