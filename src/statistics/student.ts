/** Student's t distribution, as far as intervals need it. */
import { MISSED, Z } from './statistics.ts';

/** ln Gamma(x), x > 0: the Lanczos approximation with g = 7 and nine terms, accurate to 15 digits. */
function logGamma(x: number): number {
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x);
  const terms = [
    676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059, 12.507343278686905,
    -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
  ];
  const z = x - 1;
  const series = terms.reduce((sum, term, i) => sum + term / (z + i + 1), 0.99999999999980993);
  const t = z + 7.5;
  return 0.5 * Math.log(2 * Math.PI) + (z + 0.5) * Math.log(t) - t + Math.log(series);
}

/** The regularised incomplete beta function I_x(a, b) for a, b > 0. */
export function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  // The continued fraction converges fast only below the mean; above it, use the symmetry.
  return x > (a + 1) / (a + b + 2) ? 1 - betaFraction(1 - x, b, a) : betaFraction(x, a, b);
}

/** The incomplete beta function as a continued fraction (Lentz's method). */
function betaFraction(x: number, a: number, b: number): number {
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x));
  let [c, d] = [1, 1 / (1 - ((a + b) * x) / (a + 1))];
  let fraction = d;
  for (let m = 1; m < 10_000; m += 1) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / (1 + even * d);
    c = 1 + even / c;
    fraction *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / (1 + odd * d);
    c = 1 + odd / c;
    fraction *= d * c;
    if (Math.abs(d * c - 1) < 1e-15) break;
  }
  return (front * fraction) / a;
}

/** P(|T| > t) for Student's distribution with `df` degrees of freedom, which need not be an integer. */
const studentTails = (t: number, df: number): number => incompleteBeta(df / (df + t * t), df / 2, 0.5);

/** From this many degrees of freedom on, Student's distribution is practically normal. */
const NORMAL = 1e6;

/** The t with P(|T| > t) = `MISSED`, for `df` of 1 or more. */
export function studentQuantile(df: number): number {
  if (df > NORMAL) return Z;
  const density = (t: number) =>
    Math.exp(logGamma((df + 1) / 2) - logGamma(df / 2) - ((df + 1) / 2) * Math.log1p((t * t) / df)) /
    Math.sqrt(df * Math.PI);
  // Newton's method: the tail is convex, so steps from below never overshoot.
  let t = Z;
  for (let i = 0; i < 100; i += 1) {
    const step = (studentTails(t, df) - MISSED) / (2 * density(t));
    t += step;
    if (Math.abs(step) < 1e-13 * t) break;
  }
  return t;
}

/** The probability that a standard normal variable exceeds x > 0. */
export const normalTail = (x: number): number => studentTails(x, NORMAL) / 2;
