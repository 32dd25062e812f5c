/**
 * A straightforward Llama in TF.js, differentiated by TF.js's own tape, to check the hand-written gradients of
 * src/model. It shares no code with them, and has no chunks and no joined matrices; all logits are computed at once.
 */
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import type { ModelConfig } from '../../src/model/config.ts';

export interface ReferenceLora {
  scale: number;
  keepRate: number;
  /** Dropout mask of an input of a block; `place`: 0 q k v, 1 o, 2 gate up, 3 down. */
  mask(block: number, place: number): tf.Tensor2D | undefined;
}

const places: Record<string, number> = {
  attn_q: 0,
  attn_k: 0,
  attn_v: 0,
  attn_output: 1,
  ffn_gate: 2,
  ffn_up: 2,
  ffn_down: 3,
};

/**
 * Logits [batch x length, vocabulary] of `tokens` [batch, length]. `weights` may contain LoRA's, as
 * blk.N.attn_q.lora_a.
 */
export function referenceLogits(
  config: ModelConfig,
  weights: ReadonlyMap<string, tf.Tensor>,
  tokens: tf.Tensor2D,
  lora: ReferenceLora,
): tf.Tensor2D {
  const { heads, kvHeads, headSize, normEpsilon } = config;
  const [batch, length] = tokens.shape;
  const get = (name: string) => weights.get(name)!;

  const norm = (x: tf.Tensor, gain: tf.Tensor) =>
    tf.mul(tf.div(x, tf.sqrt(tf.add(tf.mean(tf.square(x), -1, true), normEpsilon))), gain);

  const linear = (x: tf.Tensor, block: number, module: string) => {
    const name = `blk.${block}.${module}`;
    const y = tf.matMul(x as tf.Tensor2D, get(`${name}.weight`) as tf.Tensor2D, false, true);
    const bias = weights.get(`${name}.bias`);
    const a = weights.get(`${name}.lora_a`);
    if (!a) return bias ? (tf.add(y, bias) as tf.Tensor2D) : y;
    const mask = lora.mask(block, places[module]!);
    const dropped = mask ? tf.div(tf.mul(x, mask), lora.keepRate) : x;
    const low = tf.matMul(dropped as tf.Tensor2D, a as tf.Tensor2D, false, true);
    return tf.add(
      bias ? tf.add(y, bias) : y,
      tf.mul(tf.matMul(low, get(`${name}.lora_b`) as tf.Tensor2D, false, true), lora.scale),
    ) as tf.Tensor2D;
  };

  // Pairs (2i, 2i + 1), or halves (i, i + d/2), as complex numbers, multiplied by e^(i position theta^(-2i/d)).
  const halves = config.ropePairing === 'halves';
  const angle = (p: number, i: number) =>
    ((p / config.ropeFactor) * config.ropeTheta ** ((-2 * i) / headSize)) / (config.ropeDivisors?.[i] ?? 1);
  const rope = (x: tf.Tensor, count: number) => {
    const angles = tf.tensor2d(
      Array.from({ length }, (_, p) => Array.from({ length: headSize / 2 }, (_, i) => angle(p, i))),
    );
    const cos = tf.reshape(tf.cos(angles), [1, length, 1, headSize / 2]);
    const sin = tf.reshape(tf.sin(angles), [1, length, 1, headSize / 2]);
    const rows = batch * length * count;
    const pairs = halves
      ? tf.transpose(tf.reshape(x, [rows, 2, headSize / 2]), [0, 2, 1])
      : tf.reshape(x, [rows, headSize / 2, 2]);
    const part = (index: number) =>
      tf.reshape(tf.slice(pairs, [0, 0, index], [-1, -1, 1]), [batch, length, count, headSize / 2]);
    const [re, im] = [part(0), part(1)];
    const turned = [tf.sub(tf.mul(re, cos), tf.mul(im, sin)), tf.add(tf.mul(re, sin), tf.mul(im, cos))];
    const stacked = tf.stack(
      turned.map((half) => tf.reshape(half, [rows, headSize / 2])),
      halves ? 1 : 2,
    );
    return tf.reshape(stacked, [batch, length, count, headSize]);
  };
  const hidden = tf.mul(tf.sub(1, tf.linalg.bandPart(tf.ones([length, length]) as tf.Tensor2D, -1, 0)), -1e9);

  const attention = (h: tf.Tensor, block: number) => {
    const q = rope(linear(h, block, 'attn_q'), heads);
    const k = rope(linear(h, block, 'attn_k'), kvHeads);
    const v = tf.reshape(linear(h, block, 'attn_v'), [batch, length, kvHeads, headSize]);
    const outputs = Array.from({ length: heads }, (_, head) => {
      const kvHead = Math.floor(head / (heads / kvHeads));
      const one = (x: tf.Tensor, index: number) =>
        tf.reshape(tf.slice(x, [0, 0, index, 0], [-1, -1, 1, -1]), [batch, length, headSize]) as tf.Tensor3D;
      const scores = tf.mul(tf.matMul(one(q, head), one(k, kvHead), false, true), 1 / Math.sqrt(headSize));
      return tf.matMul(tf.softmax(tf.add(scores, hidden)) as tf.Tensor3D, one(v, kvHead));
    });
    return linear(
      tf.reshape(tf.concat(outputs, 2), [batch * length, heads * headSize]),
      block,
      'attn_output',
    );
  };

  const mlp = (h: tf.Tensor, block: number) => {
    const gate = linear(h, block, 'ffn_gate');
    const silu = tf.mul(gate, tf.sigmoid(gate));
    return linear(tf.mul(silu, linear(h, block, 'ffn_up')), block, 'ffn_down');
  };

  let x: tf.Tensor = tf.gather(get('token_embd.weight'), tf.reshape(tokens, [batch * length]));
  for (let block = 0; block < config.layers; block += 1) {
    x = tf.add(x, attention(norm(x, get(`blk.${block}.attn_norm.weight`)), block));
    x = tf.add(x, mlp(norm(x, get(`blk.${block}.ffn_norm.weight`)), block));
  }
  const head = weights.get('output.weight') ?? get('token_embd.weight');
  return tf.matMul(norm(x, get('output_norm.weight')) as tf.Tensor2D, head as tf.Tensor2D, false, true);
}

/** Summed cross-entropy in nats. */
export function referenceLoss(logits: tf.Tensor2D, labels: Int32Array): tf.Scalar {
  const target = tf.oneHot(tf.tensor1d(labels, 'int32'), logits.shape[1], 1, 0, 'float32');
  return tf.neg(tf.sum(tf.mul(tf.logSoftmax(logits), target))) as tf.Scalar;
}
