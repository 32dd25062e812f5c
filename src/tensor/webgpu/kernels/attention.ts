/** Attention probabilities and their gradient, in place. A row is one query of one head. */
import { rowwise, variants } from '../kernel.ts';

/**
 * Scores [batch x kvHeads, rows x group, keys] -> probabilities over the keys that each query attends to: those of its
 * document up to itself. `starts` [batch x length] is read if `documents` is 1.
 */
export const maskedSoftmax = variants((lanes: number) =>
  rowwise(
    {
      name: 'maskedSoftmax',
      reads: { starts: 'i32' },
      writes: { scores: 'f32' },
      numbers: {
        keys: 'u32',
        queries: 'u32',
        group: 'u32',
        kvHeads: 'u32',
        length: 'u32',
        /** Positions of the first query and of the first key. */
        firstQuery: 'u32',
        firstKey: 'u32',
        documents: 'u32',
        /** First row of the bound part. */
        above: 'u32',
      },
    },
    lanes,
    `  let whole = row + p.above;
  let position = p.firstQuery + whole % p.queries / p.group;
  var low = 0u;
  if (p.documents == 1u) {
    let start = u32(starts[whole / p.queries / p.kvHeads * p.length + position]);
    low = max(start, p.firstKey) - p.firstKey;
  }
  // Attends to keys low <= k < high.
  let high = min(position + 1u - p.firstKey, p.keys);
  let begin = row * p.keys;
  var most = LOWEST;
  for (var j = low + lane; j < high; j += LANES) { most = max(most, scores[begin + j]); }
  let top = largest(lane, most);
  var sum = 0.0;
  for (var j = low + lane; j < high; j += LANES) { sum += exp(scores[begin + j] - top); }
  let all = total(lane, sum);
  storageBarrier();
  for (var j = lane; j < p.keys; j += LANES) {
    let seen = j >= low && j < high;
    scores[begin + j] = select(0.0, exp(scores[begin + j] - top) / all, seen);
  }`,
  ),
);

/** d -> p (d - sum of p d over the row). */
export const softmaxGradient = variants((lanes: number) =>
  rowwise(
    {
      name: 'softmaxGradient',
      reads: { probabilities: 'f32' },
      writes: { d: 'f32' },
      numbers: { width: 'u32' },
    },
    lanes,
    `  let begin = row * p.width;
  var sum = 0.0;
  for (var j = lane; j < p.width; j += LANES) { sum += probabilities[begin + j] * d[begin + j]; }
  let dot = total(lane, sum);
  for (var j = lane; j < p.width; j += LANES) {
    d[begin + j] = probabilities[begin + j] * (d[begin + j] - dot);
  }`,
  ),
);
