/** Softmax cross-entropy of each row of logits [rows, width] against its label: losses in nats, and their gradient. */
import { rowwise } from '../kernel.ts';

/** Overwrites the logits with the gradient of the weighted sum of losses, unless `gradient` is 0. */
export const crossEntropy = rowwise(
  {
    name: 'crossEntropy',
    reads: { labels: 'i32', weights: 'f32' },
    writes: { logits: 'f32', losses: 'f32' },
    numbers: {
      width: 'u32',
      gradient: 'u32',
      /** First row of the bound part of the logits. */
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
