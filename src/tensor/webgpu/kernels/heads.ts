/**
 * Splits and joins attention heads. A row of qkv [N, (heads + 2 kvHeads) headSize] holds a position's query, key and
 * value heads; q, k and v separate them: [batch x kvHeads, length, w], where w is headSize (for q: group x headSize,
 * the query heads that share a key head). RoPE rotates pairs of components of q and k by their position's angle.
 */
import { elementwise, type KernelSpec } from '../kernel.ts';

const numbers: KernelSpec['numbers'] = {
  length: 'u32',
  heads: 'u32',
  kvHeads: 'u32',
  headSize: 'u32',
  /** 1: RoPE's pairs are (2j, 2j + 1), else (j, j + headSize / 2). */
  neighbours: 'u32',
  /** Factor of q: 1 / sqrt(headSize). */
  scale: 'f32',
};

const also = `
struct Place {
  // The element's position in its sequence, head (among all) and component.
  position: u32,
  head: u32,
  component: u32,
  // Offset of its head's first component in q, k or v, whichever the head belongs to.
  begin: u32,
}

fn placeOf(i: u32) -> Place {
  let width = (p.heads + 2u * p.kvHeads) * p.headSize;
  let row = i / width;
  let position = row % p.length;
  let head = (i % width) / p.headSize;
  let component = i % p.headSize;
  let group = p.heads / p.kvHeads;
  let outer = row / p.length * p.kvHeads;
  if (head < p.heads) {
    let line = (outer + head / group) * p.length + position;
    return Place(position, head, component, (line * group + head % group) * p.headSize);
  }
  let line = (outer + (head - p.heads) % p.kvHeads) * p.length + position;
  return Place(position, head, component, line * p.headSize);
}

// The component that RoPE pairs with this one, and the pair's number.
struct Pair { other: u32, number: u32, first: bool }
fn pairOf(component: u32) -> Pair {
  let half = p.headSize / 2u;
  if (p.neighbours == 1u) { return Pair(component ^ 1u, component / 2u, component % 2u == 0u); }
  return Pair((component + half) % p.headSize, component % half, component < half);
}

// Component x of a pair, rotated: the first becomes x cos - y sin, the second x cos + y sin.
fn turned(x: f32, y: f32, cosine: f32, sine: f32, first: bool) -> f32 {
  return x * cosine + select(y, -y, first) * sine;
}
`;

export const splitHeads = elementwise(
  {
    name: 'splitHeads',
    reads: { qkv: 'f32', cosines: 'f32', sines: 'f32' },
    writes: { q: 'f32', k: 'f32', v: 'f32' },
    numbers,
    preamble: also,
  },
  `  let place = placeOf(i);
  let at = place.begin + place.component;
  let x = qkv[i];
  if (place.head >= p.heads + p.kvHeads) {
    v[at] = x;
    return;
  }
  let pair = pairOf(place.component);
  let y = qkv[i - place.component + pair.other];
  let angle = place.position * (p.headSize / 2u) + pair.number;
  let value = turned(x, y, cosines[angle], sines[angle], pair.first);
  if (place.head < p.heads) { q[at] = value * p.scale; } else { k[at] = value; }`,
);

/** The gradient of splitHeads: rotates in the opposite direction. */
export const joinHeads = elementwise(
  {
    name: 'joinHeads',
    reads: { dq: 'f32', dk: 'f32', dv: 'f32', cosines: 'f32', sines: 'f32' },
    writes: { dqkv: 'f32' },
    numbers,
    preamble: also,
  },
  `  let place = placeOf(i);
  let at = place.begin + place.component;
  if (place.head >= p.heads + p.kvHeads) {
    dqkv[i] = dv[at];
    return;
  }
  let pair = pairOf(place.component);
  let other = place.begin + pair.other;
  let angle = place.position * (p.headSize / 2u) + pair.number;
  if (place.head < p.heads) {
    dqkv[i] = turned(dq[at], dq[other], cosines[angle], -sines[angle], pair.first) * p.scale;
  } else {
    dqkv[i] = turned(dk[at], dk[other], cosines[angle], -sines[angle], pair.first);
  }`,
);
