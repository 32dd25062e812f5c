/** Softmax cross-entropy of each row of logits [rows, width] against its label: losses in nats, and the gradient. */
import { rowwise } from '../kernel.ts';

/** The logits become the gradient of the weighted sum of losses. With `gradient` 0 they stay, and weights are not read. */
export const crossEntropy = rowwise(
  {
    name: 'crossEntropy',
    reads: { labels: 'i32', weights: 'f32' },
    writes: { logits: 'f32', losses: 'f32' },
    numbers: {
      width: 'u32',
      gradient: 'u32',
      /** Row of the tensor at which the bound part of the logits begins. */
      above: 'u32',
    },
  },
  256,
  `  let begin = row * p.width;
  var most = LOWEST;
  for (var j = lane; j < p.width; j += LANES) { most = max(most, logits[begin + j]); }
  let top = largest(lane, most);
  var sum = 0.0;
  for (var j = lane; j < p.width; j += LANES) { sum += exp(logits[begin + j] - top); }
  let all = total(lane, sum);
  let label = u32(labels[p.above + row]);
  if (lane == 0u) { losses[p.above + row] = log(all) + top - logits[begin + label]; }
  if (p.gradient == 0u) { return; }
  let weight = weights[p.above + row];
  storageBarrier();
  for (var j = lane; j < p.width; j += LANES) {
    let probability = exp(logits[begin + j] - top) / all;
    logits[begin + j] = weight * (probability - select(0.0, 1.0, j == label));
  }`,
);
