/** The head over a vocabulary of several pieces and rows of several chunks, against sums in double precision. */
import { beforeAll, expect, it } from 'vitest';
import { dequantise } from '../../src/gguf/index.ts';
import { Head, HEAD_ROWS, VOCABULARY_PIECE } from '../../src/model/head.ts';
import { LossHead } from '../../src/model/loss-head.ts';
import { Parameters } from '../../src/model/parameters.ts';
import { StoredWeight } from '../../src/model/stored-weight.ts';
import type { Backend } from '../../src/tensor/index.ts';
import { quantise } from './quantise.ts';
import { Random } from './random.ts';

const vocabulary = VOCABULARY_PIECE + 100;
const width = 32;
const rows = HEAD_ROWS + 3;

export function headSuite(start: () => Promise<Backend>): void {
  let b: Backend;
  beforeAll(async () => (b = await start()));

  const random = new Random(7);
  const bytes = quantise('Q8_0', random.normals(vocabulary * width));
  const matrix = dequantise('Q8_0', bytes, vocabulary * width);
  const hidden = random.normals(rows * width, 0.3);
  const labels = Int32Array.from({ length: rows }, () => random.integer(vocabulary));
  const weights = Float32Array.from({ length: rows }, (_, i) => (i % 5 ? 1 / rows : 0));
  let expected: ReturnType<typeof reference>;
  let ofStored: { losses: Float32Array; dh: Float32Array };
  beforeAll(() => (expected = reference(matrix, hidden, labels, weights)));

  it.each(['stored', 'as numbers', 'trained'] as const)('gives losses and gradients, %s', async (kind) => {
    const before = b.liveTensors;
    const parameters = new Parameters(b);
    const tensor = () => b.tensor(matrix.slice(), [vocabulary, width]);
    const stored = new StoredWeight(b, [b.compound.store('Q8_0', bytes, [vocabulary, width])], 'f32');
    const slot = parameters.add([{ name: 'output.weight', shape: [vocabulary, width] }], tensor());
    const numbers = tensor();
    const weight = { stored, 'as numbers': numbers, trained: slot }[kind];
    const head = new Head(b, parameters, 'f32', weight, vocabulary);
    const h = b.tensor(hidden.slice(), [rows, width]);
    const { losses, dh } = await head.lossAndGradient(h, labels, weights);
    const results = { losses: await b.read(losses), dh: await b.read(dh!) };
    close(results.losses, expected.losses);
    close(results.dh, expected.dh);
    if (kind === 'stored') ofStored = results;
    // The gradient's sums have another order: in pieces of the vocabulary, or whole.
    if (kind === 'as numbers') expect(results.losses).toEqual(ofStored.losses);
    if (kind === 'trained') close(await b.read(slot.gradient!), expected.dMatrix);
    expect([...(await head.divergence(h, head, h))].every((kl) => Math.abs(kl) < 1e-5)).toBe(true);
    b.dispose(losses, dh, h, numbers);
    stored.dispose();
    parameters.dispose();
    expect(b.liveTensors).toBe(before);
  });

  it.each(['stored', 'as numbers'] as const)(
    'gives them from a sample of the other tokens, %s',
    async (kind) => {
      const before = b.liveTensors;
      const parameters = new Parameters(b);
      const stored = new StoredWeight(b, [b.compound.store('Q8_0', bytes, [vocabulary, width])], 'f32');
      const numbers = b.tensor(matrix.slice(), [vocabulary, width]);
      const weight = kind === 'stored' ? stored : numbers;
      const used = Int32Array.from({ length: 900 }, (_, i) => i * 9);
      // Half of the labels are not among them, and labels that do not count are not looked for.
      const halves = labels.map((label, at) => (at % 2 ? used[label % 900]! : label));
      const head = new LossHead(
        { backend: b, parameters, compute: 'f32', vocabularySize: vocabulary, weight },
        used,
      );
      const h = b.tensor(hidden.slice(), [rows, width]);
      const draw = 5;
      const { losses, dh } = await head.lossAndGradient(h, halves, weights, draw);
      const isCounted = (_: number, at: number) => weights[at] !== 0;
      const own = [...new Set([...used, ...halves.filter(isCounted)])];
      const others = [...Array(vocabulary).keys()].filter((token) => token % 9 || token >= 8100);
      const sampled = others.filter((token, at) => at % 16 === draw && !own.includes(token));
      const part = [...own, ...sampled].flatMap((token) => [
        ...matrix.subarray(token * width, (token + 1) * width),
      ]);
      const places = halves.map((label, at) => (weights[at] === 0 ? 0 : own.indexOf(label)));
      const raised = [...own.map(() => 0), ...sampled.map(() => Math.log(16))];
      const wanted = reference(Float32Array.from(part), hidden, places, weights, raised);
      close((await b.read(losses)).filter(isCounted), wanted.losses.filter(isCounted));
      close(await b.read(dh!), wanted.dh);
      b.dispose(losses, dh, h, numbers);
      stored.dispose();
      parameters.dispose();
      expect(b.liveTensors).toBe(before);
    },
  );
}

function close(actual: Float32Array, expected: Float64Array): void {
  expect(actual.length).toBe(expected.length);
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const off = expected.reduce((most, value, i) => Math.max(most, Math.abs(value - actual[i]!)), 0);
  expect(off / largest).toBeLessThan(1e-5);
}

/** Cross-entropy of h W^T, and the gradients of its weighted sum with respect to h and W. */
function reference(
  matrix: Float32Array,
  hidden: Float32Array,
  labels: Int32Array,
  weights: Float32Array,
  bias: readonly number[] = [],
) {
  const losses = new Float64Array(rows);
  const dh = new Float64Array(rows * width);
  const dMatrix = new Float64Array(matrix.length);
  const vocabulary = matrix.length / width;
  const logits = new Float64Array(vocabulary);
  for (let row = 0; row < rows; row += 1) {
    let total = 0;
    for (let word = 0; word < vocabulary; word += 1) {
      let logit = bias[word] ?? 0;
      for (let i = 0; i < width; i += 1) logit += hidden[row * width + i]! * matrix[word * width + i]!;
      logits[word] = logit;
      total += Math.exp(logit);
    }
    const label = labels[row]!;
    losses[row] = Math.log(total) - logits[label]!;
    for (let word = 0; word < vocabulary; word += 1) {
      const d = weights[row]! * (Math.exp(logits[word]!) / total - (word === label ? 1 : 0));
      for (let i = 0; i < width; i += 1) {
        dh[row * width + i]! += d * matrix[word * width + i]!;
        dMatrix[word * width + i]! += d * hidden[row * width + i]!;
      }
    }
  }
  return { losses, dh, dMatrix };
}
