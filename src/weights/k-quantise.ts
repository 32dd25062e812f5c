/**
 * Q4_K, Q5_K and Q6_K: blocks of 256 in groups with scales of their own, each found by trying some and solving for the
 * least weighted squared error. From ggml-quants.c: make_qkx2_quants, make_qx_quants, quantize_row_q*_K_ref.
 */
import { getHalf, putHalf } from './half-bytes.ts';

const f32 = Math.fround;
const clamp = (value: number, low: number, high: number) => Math.max(low, Math.min(high, value));

/** C's nearbyint: halves to even. At this magnitude a double has no room for fractions. */
const ROUNDING = 1.5 * 2 ** 52;
const nearest = (value: number) => value + ROUNDING - ROUNDING;

interface Fit {
  scale: number;
  /** What is taken off: scale q - low. */
  low: number;
}

/** How the scale of a group is sought: q from 0 to `most`, and the trials of its inverse. */
interface Search {
  most: number;
  first: number;
  trials: number;
}

// Scratch for a group: millions of them are fitted, one after another.
const weights = new Float32Array(32);
const numbers = new Float32Array(32);

/** scale q - low nearest to 32 values, each weighted by the root of the mean square plus its own magnitude. */
function fitShifted(x: Float32Array, { most, first, trials }: Search): Fit {
  let [squares, low, high] = [0, 0, -Infinity];
  for (const value of x) {
    squares += value * value;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (high === low) return { scale: 0, low: -low };
  const spread = Math.sqrt(squares / 32);
  let [sumW, sumX] = [0, 0];
  for (let i = 0; i < 32; i++) {
    const w = (weights[i] = spread + Math.abs(x[i]!));
    sumW += w;
    sumX += w * x[i]!;
  }
  let scale = f32((high - low) / most);
  round(x, f32(most / (high - low)), low, most);
  let least = error(x, scale, low);
  // What is found by one trial is where the next one starts from.
  for (let trial = 0; trial <= trials; trial++) {
    round(x, f32((first + 0.1 * trial + most) / (high - low)), low, most);
    let [sumL, sumL2, sumXL] = [0, 0, 0];
    for (let i = 0; i < 32; i++) {
      const l = numbers[i]!;
      const wl = weights[i]! * l;
      sumL += wl;
      sumL2 += wl * l;
      sumXL += wl * x[i]!;
    }
    const determinant = sumW * sumL2 - sumL * sumL;
    if (determinant <= 0) continue;
    let tried = (sumW * sumXL - sumX * sumL) / determinant;
    let triedLow = (sumL2 * sumX - sumL * sumXL) / determinant;
    if (triedLow > 0) [tried, triedLow] = [sumXL / sumL2, 0];
    const found = error(x, tried, triedLow);
    if (found < least) [least, scale, low] = [found, tried, triedLow];
  }
  return { scale, low: -low };
}

/** Into `numbers`. */
function round(x: Float32Array, inverse: number, low: number, most: number): void {
  for (let i = 0; i < 32; i++) {
    const l = nearest(f32(inverse * f32(x[i]! - low)));
    numbers[i] = l < 0 ? 0 : l > most ? most : l;
  }
}

/** The weighted squared error of `numbers`. */
function error(x: Float32Array, scale: number, low: number): number {
  let sum = 0;
  for (let i = 0; i < 32; i++) {
    const difference = scale * numbers[i]! + low - x[i]!;
    sum += weights[i]! * difference * difference;
  }
  return sum;
}

/** Scales and lows of 8 groups of 32, in 6 bits each. Returns each value's number. */
function shiftedGroups(values: Float32Array, out: Uint8Array, search: Search): Uint8Array {
  const fits = Array.from({ length: 8 }, (_, i) => fitShifted(values.subarray(32 * i, 32 * i + 32), search));
  const scale = Math.max(0, ...fits.map((fit) => fit.scale));
  const low = Math.max(0, ...fits.map((fit) => fit.low));
  const sixBits = (value: number, most: number) => (most ? Math.min(63, nearest((63 / most) * value)) : 0);
  const scales = fits.map((fit) => sixBits(fit.scale, scale) & 255);
  const lows = fits.map((fit) => sixBits(fit.low, low) & 255);
  putHalf(out, 0, scale / 63);
  putHalf(out, 2, low / 63);
  for (let i = 0; i < 4; i++) {
    out[4 + i] = scales[i]! | ((scales[i + 4]! >> 4) << 6);
    out[8 + i] = lows[i]! | ((lows[i + 4]! >> 4) << 6);
    out[12 + i] = (scales[i + 4]! & 15) | ((lows[i + 4]! & 15) << 4);
  }
  const [d, m] = [getHalf(out, 0), getHalf(out, 2)];
  return Uint8Array.from(values, (value, i) => {
    const step = f32(d * scales[i >> 5]!);
    return step ? clamp(nearest(f32(f32(value + f32(m * lows[i >> 5]!)) / step)), 0, search.most) : 0;
  });
}

/** 144 bytes: d, dmin, 12 of scales, then 4 bits each. */
export function quantiseQ4K(values: Float32Array, out: Uint8Array): void {
  const q = shiftedGroups(values, out, { most: 15, first: -1, trials: 20 });
  q.forEach((l, i) => (out[16 + (i >> 6) * 32 + (i & 31)]! |= l << (i & 32 ? 4 : 0)));
}

/** 176 bytes: as Q4_K, with the fifth bits between scales and numbers. */
export function quantiseQ5K(values: Float32Array, out: Uint8Array): void {
  const q = shiftedGroups(values, out, { most: 31, first: -0.5, trials: 15 });
  q.forEach((l, i) => {
    out[16 + (i & 31)]! |= (l >> 4) << (i >> 5);
    out[48 + (i >> 6) * 32 + (i & 31)]! |= (l & 15) << (i & 32 ? 4 : 0);
  });
}

/** What ggml takes for zero. */
const NOTHING = 1e-15;

/** The scale for numbers from -32 to 31 that is nearest to 16 values, large ones counting most. */
function fitCentred(x: Float32Array): number {
  const extreme = x.reduce((most, value) => (Math.abs(value) > Math.abs(most) ? value : most), 0);
  if (Math.abs(extreme) < NOTHING) return 0;
  const sums = (inverse: number) => {
    let [xl, l2] = [0, 0];
    for (const value of x) {
      const l = clamp(nearest(f32(inverse * value)), -32, 31);
      xl += value * value * value * l;
      l2 += value * value * l * l;
    }
    return { xl, l2 };
  };
  const { xl, l2 } = sums(f32(-32 / extreme));
  let scale = l2 ? xl / l2 : 0;
  let best = scale * xl;
  for (let trial = -9; trial <= 9; trial++) {
    if (trial === 0) continue;
    const tried = sums(f32(-(32 + 0.1 * trial) / extreme));
    if (tried.l2 <= 0 || tried.xl * tried.xl <= best * tried.l2) continue;
    scale = tried.xl / tried.l2;
    best = scale * tried.xl;
  }
  return scale;
}

/** 210 bytes: low 4 bits, high 2 bits, 16 scales of 8 bits, d. */
export function quantiseQ6K(values: Float32Array, out: Uint8Array): void {
  const fits = Array.from({ length: 16 }, (_, i) => fitCentred(values.subarray(16 * i, 16 * i + 16)));
  const largest = fits.reduce((most, fit) => (Math.abs(fit) > Math.abs(most) ? fit : most), 0);
  if (Math.abs(largest) < NOTHING) return;
  const inverse = f32(-128 / largest);
  putHalf(out, 208, 1 / inverse);
  const d = getHalf(out, 208);
  const scales = fits.map((fit) => Math.min(127, nearest(f32(inverse * fit))));
  scales.forEach((scale, i) => (out[192 + i] = scale));
  values.forEach((value, i) => {
    const step = f32(d * scales[i >> 4]!);
    const l = step ? clamp(nearest(f32(value / step)), -32, 31) + 32 : 0;
    const [half, part, place] = [i >> 7, (i >> 5) & 3, i & 31];
    out[64 * half + 32 * (part & 1) + place]! |= (l & 15) << (part >> 1 ? 4 : 0);
    out[128 + 32 * half + place]! |= (l >> 4) << (2 * part);
  });
}
