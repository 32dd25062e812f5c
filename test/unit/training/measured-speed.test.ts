import { beforeEach, expect, it, vi } from 'vitest';
import { autoBase } from '../../../src/cli/machine/auto-base.ts';
import { findKnownBase } from '../../../src/base-models/registry.ts';
import { hyperSchema, type Hyper } from '../../../src/protocol/run.ts';
import { createRun, openRunWriter } from '../../../src/runs/index.ts';
import { fastestPrecision } from '../../../src/tensor/precision.ts';
import { installSize } from '../../../src/tensor/runtime/index.ts';
import { measuredSpeeds } from '../../../src/training/measured-speed.ts';
import { newRun, useTemporaryHome } from '../runs/help.ts';
import { english } from '../../../src/text/message.ts';

useTemporaryHome();
const how = { method: 'lora', precision: 'f32', backend: 'tensorflow' } as const;
const small = 'a'.repeat(64);
const large = 'b'.repeat(64);

interface Trained {
  sha256: string;
  speed: number;
  hyper?: Partial<Hyper>;
  backend?: string;
}

let day = 1;
beforeEach(() => {
  day = 1;
});

/** A finished run; each is a day newer than the previous one. */
async function trained({ sha256, speed, hyper = {}, backend = 'tensorflow' }: Trained): Promise<void> {
  vi.useFakeTimers({ now: new Date(2026, 0, day++), toFake: ['Date'] });
  const base = { id: 'a', path: '/a.gguf', sha256 };
  const { dir } = await createRun(
    newRun({ base, hyper: hyperSchema.parse({ learningRate: 1, steps: 1, ...hyper }) }),
  );
  const writer = await openRunWriter(dir);
  const counts = { trainableParameters: 1, trainTokens: 1, heldOutTokens: 1 };
  await writer.event({ type: 'start', backend, backendReason: '', step: 0, steps: 1, ...counts });
  const rest = { peakMemory: 1, seconds: 1, artefact: 'adapter.gguf' };
  await writer.event({ type: 'done', step: 1, tokensPerSecond: speed, ...rest });
  await writer.close();
  vi.useRealTimers();
}

it('are those of similar runs, newest first', async () => {
  expect(await measuredSpeeds(how)).toEqual(new Map());
  await trained({ sha256: small, speed: 100 });
  await trained({ sha256: small, speed: 50 });
  await trained({ sha256: small, speed: 300, hyper: { precision: 'bf16' } });
  await trained({ sha256: small, speed: 10, backend: 'wasm' });
  await trained({ sha256: small, speed: 20, hyper: { method: 'full' } });
  await trained({ sha256: large, speed: 30 });
  expect(await measuredSpeeds(how)).toEqual(
    new Map([
      [small, [50, 100]],
      [large, [30]],
    ]),
  );
});

it('decide which base suits this machine, using the fastest of each', async () => {
  const precision = fastestPrecision('wasm', 'lora');
  const { sha256 } = findKnownBase('qwen2.5-coder-0.5b')!;
  expect((await autoBase('wasm')).id).toBe('smollm2-135m');
  await trained({ sha256: sha256!, speed: 35, hyper: { precision }, backend: 'wasm' });
  expect(english((await autoBase('wasm')).why)).toMatch(/35 tokens\/s|GB of memory here/);
  await trained({ sha256: sha256!, speed: 60, hyper: { precision }, backend: 'wasm' });
  await trained({ sha256: sha256!, speed: 30, hyper: { precision }, backend: 'wasm' });
  expect(english((await autoBase('wasm')).why)).toMatch(/60 tokens\/s|GB of memory here/);
});

it('decide by what is installed; the choice with TensorFlow is stated as well', async () => {
  const { withTensorflow, ...now } = await autoBase();
  expect(now).toEqual(await autoBase('wasm'));
  const later = await autoBase('tensorflow');
  expect(withTensorflow).toEqual(installSize(false) && later.id !== now.id ? later : undefined);
});
