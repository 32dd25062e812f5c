/** Compares src/model's forward and backward pass with TF.js's autodiff, on any backend. */
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-core/dist/register_all_gradients.js';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ATTENTION_CHUNK } from '../../src/model/attention.ts';
import { DropoutNoise } from '../../src/model/dropout.ts';
import { loadModel, readConfig, type ModelOptions } from '../../src/model/index.ts';
import { gaussian, mixText } from '../../src/statistics/random.ts';
import { moduleNames, type BackendName } from '../../src/protocol/run.ts';
import type { Backend } from '../../src/tensor/index.ts';
import { referenceLogits, referenceLoss } from './reference-llama.ts';
import { sharedBackend } from './shared-backend.ts';
import { tinyTokens, tinyWeights, type TinyShape } from './tiny-weights.ts';

const lora: ModelOptions = {
  method: 'lora',
  rank: 4,
  alpha: 8,
  dropout: 0,
  targets: moduleNames,
  seed: 3,
  precision: 'f32',
};
const full: ModelOptions = { ...lora, method: 'full' };

const qwen2: Partial<TinyShape> = { architecture: 'qwen2', qkvBias: true };

/** Fires when it is checked for the nth time. */
function firesAtCheck(nth: number): AbortSignal {
  let checks = 0;
  const throwIfAborted = () => {
    checks += 1;
    if (checks === nth) throw 'stopped';
  };
  return { throwIfAborted } as AbortSignal;
}

interface Case {
  name: string;
  options: ModelOptions;
  shape?: Partial<TinyShape>;
  batch: number;
  length: number;
}

const cases: Case[] = [
  { name: 'LoRA on all linears', options: lora, batch: 2, length: 12 },
  { name: 'LoRA on some linears', options: { ...lora, targets: ['k', 'up', 'down'] }, batch: 1, length: 9 },
  { name: 'LoRA with dropout', options: { ...lora, dropout: 0.3 }, batch: 2, length: 12 },
  { name: 'LoRA over several chunks of attention and head', options: lora, batch: 1, length: 300 },
  {
    name: 'LoRA without grouped queries, untied head',
    options: lora,
    shape: { kvHeads: 4, tiedHead: false },
    batch: 1,
    length: 10,
  },
  {
    name: 'LoRA, its loss among named tokens, which are all of them',
    options: { ...lora, lossTokens: Int32Array.from({ length: 40 }, (_, i) => (7 * i) % 40) },
    shape: { tiedHead: false },
    batch: 1,
    length: 300,
  },
  { name: 'full fine-tuning, tied head', options: full, batch: 2, length: 12 },
  {
    name: 'full fine-tuning, untied head, several chunks',
    options: full,
    shape: { tiedHead: false },
    batch: 1,
    length: 140,
  },
  { name: 'LoRA on a qwen2', options: lora, shape: qwen2, batch: 2, length: 12 },
  {
    name: 'full fine-tuning of a qwen2, untied head',
    options: full,
    shape: { ...qwen2, tiedHead: false },
    batch: 2,
    length: 12,
  },
  {
    name: 'LoRA by patterns, rank-stabilised, linear RoPE scaling',
    options: { ...lora, targets: ['blk.0.attn_*', 'up_proj', 'blk.1.attn_k'], scaling: 'rank-stabilised' },
    shape: { ropeFactor: 4 },
    batch: 1,
    length: 20,
  },
  {
    name: 'full fine-tuning, llama3 RoPE scaling',
    options: full,
    shape: { ropeDivisors: Float32Array.of(1, 2.5, 8, 32) },
    batch: 1,
    length: 20,
  },
];

/** Largest difference relative to the largest value of the expected tensor. */
function relativeError(actual: Float32Array, expected: Float32Array): number {
  expect(actual.length).toBe(expected.length);
  const scale = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-8);
  return actual.reduce((most, value, i) => Math.max(most, Math.abs(value - expected[i]!)), 0) / scale;
}

export function gradientSuite(backendName: BackendName, tolerance: number): void {
  describe(`gradients on ${backendName}`, () => {
    let backend: Backend;
    beforeAll(async () => {
      backend = await sharedBackend(backendName);
    });
    afterAll(() => tf.disposeVariables());

    it.each(cases)('$name', async ({ options, shape, batch, length }) => {
      const source = tinyWeights(shape);
      const divisors = shape?.ropeDivisors && { ropeDivisors: shape.ropeDivisors };
      const config = { ...readConfig(source), ...divisors };
      const seed: [number, number] = [5, 7];
      const lossWeight = 1 / (batch * length);
      const rows = tinyTokens(batch * (length + 1), config.vocabularySize);
      const before = backend.liveTensors;

      const model = await loadModel(backend, source, options);
      // B is zero at the start, which would hide mistakes in A's gradient.
      for (const { name, shape } of model.parameters)
        if (name.endsWith('.lora_b')) model.write(name, gaussian(shape[0]! * shape[1]!, 0.1, mixText(name)));
      const parameters = new Map<string, Float32Array>();
      for (const { name } of model.parameters) parameters.set(name, await model.read(name));
      // Before the reference computes its gradients, so that it cannot affect this result.
      const result = await model.accumulate({ tokens: rows, rows: batch, length }, { seed, lossWeight });
      const norm = await model.gradientNorm();
      const gradients = new Map<string, Float32Array>();
      for (const slot of model.slots) gradients.set(slot.name, await backend.read(slot.gradient!));
      const masks = await dropoutMasks(backend, options, config, batch * length, seed);

      const expected = await reference(source.values, parameters, model.parameters, masks, {
        options,
        config,
        rows,
        batch,
        length,
        lossWeight,
      });
      expect(Math.abs(result.lossSum - expected.loss) / expected.loss).toBeLessThan(tolerance);
      expect(result.tokens).toBe(batch * length);
      let squares = 0;
      for (const [name, gradient] of gradients) {
        // A slot of several parameters holds their gradients stacked by rows.
        const parts = name.split('+').map((part) => expected.gradients.get(part)!);
        const whole = new Float32Array(gradient.length);
        let begin = 0;
        for (const part of parts) {
          whole.set(part, begin);
          begin += part.length;
        }
        expect(begin).toBe(whole.length);
        expect(relativeError(gradient, whole), name).toBeLessThan(tolerance);
        squares += whole.reduce((sum, value) => sum + value * value, 0);
      }
      expect([...gradients.keys()].flatMap((name) => name.split('+')).sort()).toEqual(
        [...expected.gradients.keys()].sort(),
      );
      expect(Math.abs(norm / Math.sqrt(squares) - 1)).toBeLessThan(tolerance);

      model.dispose();
      // Constants (shapes, scalars) belong to the backend and are not counted.
      expect(backend.liveTensors).toBe(before);
    });

    it('adds up micro-batches and starts again at zero', async () => {
      const source = tinyWeights();
      const model = await loadModel(backend, source, lora);
      const rows = tinyTokens(2 * 11, 40);
      const options = { seed: [1, 1] as [number, number], lossWeight: 0.1 };
      await model.accumulate({ tokens: rows, rows: 2, length: 10 }, options);
      const together = await model.gradientNorm();
      model.zeroGradients();
      expect(await model.gradientNorm()).toBe(0);
      await model.accumulate({ tokens: rows.slice(0, 11), rows: 1, length: 10 }, options);
      await model.accumulate({ tokens: rows.slice(11), rows: 1, length: 10 }, options);
      expect(Math.abs((await model.gradientNorm()) / together - 1)).toBeLessThan(tolerance);
      model.dispose();
    });

    it('abandons a pass that is cancelled, in either direction, and then computes the same again', async () => {
      const model = await loadModel(backend, tinyWeights(), lora);
      const batch = { tokens: tinyTokens(11, 40), rows: 1, length: 10 };
      const options = { seed: [1, 1] as [number, number], lossWeight: 0.1 };
      const { lossSum } = await model.accumulate(batch, options);
      const norm = await model.gradientNorm();
      // After so many blocks: in the first of the forward pass, and in the first of the backward pass.
      for (const blocks of [1, model.config.layers + 1]) {
        model.zeroGradients();
        const signal = firesAtCheck(blocks);
        await expect(model.accumulate(batch, { ...options, signal })).rejects.toBe('stopped');
      }
      model.zeroGradients();
      expect((await model.accumulate(batch, options)).lossSum).toBe(lossSum);
      expect(Math.abs((await model.gradientNorm()) / norm - 1)).toBeLessThan(tolerance);
      model.dispose();
    });

    it('learns packed documents as if each were alone, and only the tokens to be learned', async () => {
      const model = await loadModel(backend, tinyWeights(), { ...lora, dropout: 0 });
      const options = { seed: [1, 1] as [number, number], lossWeight: 0.1 };
      const documents = [tinyTokens(150, 40, 1), tinyTokens(21, 40, 2), tinyTokens(90, 40, 3)];
      let lossSum = 0;
      for (const tokens of documents) {
        const batch = { tokens, rows: 1, length: tokens.length - 1 };
        lossSum += (await model.accumulate(batch, options)).lossSum;
      }
      const norm = await model.gradientNorm();
      model.zeroGradients();

      // Two rows, so that each has its own mask; the second has the documents in reverse order.
      const tokens: number[] = [];
      const learned: number[] = [];
      const starts: number[] = [];
      for (const row of [documents, [...documents].reverse()]) {
        const begin = tokens.length;
        for (const document of row) {
          starts.push(...Array.from(document, () => tokens.length - begin));
          learned.push(...Array.from(document, (_, i) => Number(i < document.length - 1)));
          tokens.push(...document);
        }
        // Inputs end one before the last token.
        starts.pop();
        learned.pop();
      }
      const batch = {
        tokens: Int32Array.from(tokens),
        rows: 2,
        length: 260,
        learned: Uint8Array.from(learned),
        starts: Int32Array.from(starts),
      };
      const packed = await model.accumulate(batch, options);
      expect(packed.tokens).toBe(2 * (149 + 20 + 89));
      expect(Math.abs(packed.lossSum / lossSum / 2 - 1)).toBeLessThan(tolerance);
      expect(Math.abs((await model.gradientNorm()) / norm / 2 - 1)).toBeLessThan(tolerance);
      model.dispose();
    });

    it('gives losses, probabilities and KL that agree with each other and with the reference', async () => {
      const source = tinyWeights();
      const config = readConfig(source);
      const model = await loadModel(backend, source, lora);
      const tokens = tinyTokens(150, 40);
      expect(Math.max(...(await model.tokenKl(tokens)))).toBeLessThan(1e-6);
      for (const { name, shape } of model.parameters)
        if (name.endsWith('.lora_b')) model.write(name, gaussian(shape[0]! * shape[1]!, 0.1, mixText(name)));
      const tuned = await model.probabilities(tokens);
      const base = await model.probabilities(tokens, true);
      const kl = await model.tokenKl(tokens);
      const expected = base.map((row, t) =>
        row.reduce((sum, p, i) => sum + p * Math.log(p / tuned[t]![i]!), 0),
      );
      expect(Math.max(...expected)).toBeGreaterThan(0.05);
      expect(relativeError(kl, Float32Array.from(expected))).toBeLessThan(1e-3);
      const losses = await model.tokenLosses(tokens);
      expect(
        relativeError(
          losses,
          Float32Array.from(tokens.subarray(1), (token, t) => -Math.log(tuned[t]![token]!)),
        ),
      ).toBeLessThan(tolerance);
      const last = await model.tokenLosses(tokens, { last: 3 });
      expect(last).toHaveLength(3);
      expect(relativeError(last, losses.slice(-3))).toBeLessThan(tolerance);
      const baseLosses = await model.tokenLosses(tokens, { base: true });
      const wanted = await referenceTokenLosses(config, source.values, tokens);
      expect(relativeError(baseLosses, wanted)).toBeLessThan(tolerance);
      model.dispose();
    });
  });
}

async function dropoutMasks(
  backend: Backend,
  options: ModelOptions,
  config: ReturnType<typeof readConfig>,
  rows: number,
  seed: [number, number],
) {
  const masks = new Map<string, Float32Array>();
  if (!options.dropout) return masks;
  const noise = new DropoutNoise(backend, options.dropout, 'f32');
  for (let block = 0; block < config.layers; block += 1)
    for (const [place, columns] of [config.width, config.width, config.width, config.hiddenWidth].entries()) {
      const largest = rows * Math.max(config.hiddenWidth, config.heads * ATTENTION_CHUNK);
      const { table, begin } = noise.mask(rows * columns, largest, [...seed, block, place]);
      const values = (await backend.read(table)).slice(begin, begin + rows * columns);
      const zeros = values.reduce((sum, value) => sum + (1 - value), 0) / values.length;
      expect(Math.abs(zeros - options.dropout)).toBeLessThan(0.06);
      masks.set(`${block} ${place}`, values);
    }
  noise.dispose();
  return masks;
}

interface ReferenceInput {
  options: ModelOptions;
  config: ReturnType<typeof readConfig>;
  rows: Int32Array;
  batch: number;
  length: number;
  lossWeight: number;
}

async function reference(
  values: Map<string, Float32Array>,
  parameters: Map<string, Float32Array>,
  list: readonly { name: string; shape: number[] }[],
  masks: Map<string, Float32Array>,
  { options, config, rows, batch, length, lossWeight }: ReferenceInput,
): Promise<{ loss: number; gradients: Map<string, Float32Array> }> {
  const backendBefore = tf.getBackend();
  await tf.setBackend('cpu');
  const shapes = tinyWeights({ ...config }).tensors;
  const weights = new Map<string, tf.Tensor>();
  const variables: tf.Variable[] = [];
  for (const [name, data] of values)
    if (!parameters.has(name)) weights.set(name, tf.tensor(data, [...shapes.get(name)!.shape]));
  for (const { name, shape } of list) {
    const variable = tf.variable(tf.tensor(parameters.get(name)!, shape), true, name);
    weights.set(name, variable);
    variables.push(variable);
  }
  const inputs = rows.filter((_, i) => i % (length + 1) !== length);
  const labels = rows.filter((_, i) => i % (length + 1) !== 0);
  const mask = (block: number, place: number) => {
    const data = masks.get(`${block} ${place}`);
    return data && tf.tensor2d(data, [batch * length, data.length / (batch * length)]);
  };
  const { value, grads } = tf.variableGrads(() => {
    const logits = referenceLogits(config, weights, tf.tensor2d(inputs, [batch, length], 'int32'), {
      scale: options.alpha / (options.scaling === 'rank-stabilised' ? Math.sqrt(options.rank) : options.rank),
      keepRate: 1 - options.dropout,
      mask,
    });
    return tf.mul(referenceLoss(logits, labels), lossWeight) as tf.Scalar;
  }, variables);
  const gradients = new Map<string, Float32Array>();
  for (const [name, gradient] of Object.entries(grads))
    gradients.set(name, (await gradient.data()) as Float32Array);
  const loss = (await value.data())[0]! / lossWeight;
  tf.disposeVariables();
  if (backendBefore) await tf.setBackend(backendBefore);
  return { loss, gradients };
}

async function referenceTokenLosses(
  config: ReturnType<typeof readConfig>,
  values: Map<string, Float32Array>,
  tokens: Int32Array,
): Promise<Float32Array> {
  const backendBefore = tf.getBackend();
  await tf.setBackend('cpu');
  const shapes = tinyWeights({ ...config }).tensors;
  const weights = new Map(
    [...values].map(([name, data]) => [name, tf.tensor(data, [...shapes.get(name)!.shape])]),
  );
  const inputs = tf.tensor2d(tokens.slice(0, -1), [1, tokens.length - 1], 'int32');
  const logits = referenceLogits(config, weights, inputs, { scale: 1, keepRate: 1, mask: () => undefined });
  const logs = (await tf.logSoftmax(logits).array()) as number[][];
  if (backendBefore) await tf.setBackend(backendBefore);
  return Float32Array.from(logs, (row, t) => -row[tokens[t + 1]!]!);
}
