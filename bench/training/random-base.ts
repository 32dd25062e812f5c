/** Writes a base of a given shape with random weights as a GGUF file: same speed without a download. */
import { writeGguf, type MetadataEntry, type TensorSource } from '../../src/gguf/index.ts';
import { gaussian } from '../../src/statistics/random.ts';
import type { Precision, Shape } from './job.ts';

/** transformers' initializer_range, which the PyTorch side uses. */
const DEVIATION = 0.02;
/** A prime, so that the repeated table does not align with the rows of any matrix. */
const TABLE = 1_000_003;

export async function writeRandomBase(path: string, shape: Shape, precision: Precision): Promise<void> {
  const table = gaussian(TABLE, DEVIATION, 1);
  const type = precision === 'bf16' ? 'BF16' : 'F32';
  // A bf16 is the upper half of an f32; random values need no rounding.
  const source = type === 'F32' ? table : new Uint16Array(table.buffer).filter((_, i) => i % 2 === 1);
  const matrix = (name: string, rows: number, columns: number): TensorSource => ({
    name: `${name}.weight`,
    shape: [rows, columns],
    type,
    data: () => Promise.resolve(repeated(source, rows * columns)),
  });
  const vector = (name: string, length: number, value: number): TensorSource => ({
    name,
    shape: [length],
    type: 'F32',
    data: new Float32Array(length).fill(value),
  });
  await writeGguf(path, { metadata: metadataOf(shape), tensors: tensorsOf(shape, matrix, vector) });
}

function tensorsOf(
  shape: Shape,
  matrix: (name: string, rows: number, columns: number) => TensorSource,
  vector: (name: string, length: number, value: number) => TensorSource,
): TensorSource[] {
  const { hiddenSize, feedForwardSize, kvHeads, heads, architecture } = shape;
  const kvSize = (hiddenSize / heads) * kvHeads;
  const tensors = [
    matrix('token_embd', shape.vocabularySize, hiddenSize),
    vector('output_norm.weight', hiddenSize, 1),
  ];
  for (let layer = 0; layer < shape.layers; layer += 1) {
    const name = (module: string) => `blk.${layer}.${module}`;
    tensors.push(
      vector(name('attn_norm.weight'), hiddenSize, 1),
      matrix(name('attn_q'), hiddenSize, hiddenSize),
      matrix(name('attn_k'), kvSize, hiddenSize),
      matrix(name('attn_v'), kvSize, hiddenSize),
      matrix(name('attn_output'), hiddenSize, hiddenSize),
      vector(name('ffn_norm.weight'), hiddenSize, 1),
      matrix(name('ffn_gate'), feedForwardSize, hiddenSize),
      matrix(name('ffn_up'), feedForwardSize, hiddenSize),
      matrix(name('ffn_down'), hiddenSize, feedForwardSize),
    );
    if (architecture === 'qwen2')
      tensors.push(
        vector(name('attn_q.bias'), hiddenSize, 0),
        vector(name('attn_k.bias'), kvSize, 0),
        vector(name('attn_v.bias'), kvSize, 0),
      );
  }
  return tensors;
}

function metadataOf(shape: Shape): [string, MetadataEntry][] {
  const whole = (value: number): MetadataEntry => ({ type: 'uint32', value });
  const real = (value: number): MetadataEntry => ({ type: 'float32', value });
  const hyperparameters: Record<string, MetadataEntry> = {
    block_count: whole(shape.layers),
    context_length: whole(shape.contextLength),
    embedding_length: whole(shape.hiddenSize),
    feed_forward_length: whole(shape.feedForwardSize),
    'attention.head_count': whole(shape.heads),
    'attention.head_count_kv': whole(shape.kvHeads),
    'attention.layer_norm_rms_epsilon': real(shape.normEpsilon),
    'rope.freq_base': real(shape.ropeTheta),
  };
  return [
    ['general.architecture', { type: 'string', value: shape.architecture }],
    ...Object.entries(hyperparameters).map(([key, entry]): [string, MetadataEntry] => [
      `${shape.architecture}.${key}`,
      entry,
    ]),
  ];
}

/** `count` numbers: the table, repeated. */
function repeated(table: Float32Array | Uint16Array, count: number): Float32Array | Uint8Array {
  const values = table instanceof Float32Array ? new Float32Array(count) : new Uint16Array(count);
  for (let begin = 0; begin < count; begin += TABLE)
    values.set(table.subarray(0, Math.min(TABLE, count - begin)), begin);
  return values instanceof Float32Array ? values : new Uint8Array(values.buffer);
}
