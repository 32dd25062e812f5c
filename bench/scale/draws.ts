/** Random draws, each from a source of uniform numbers. */
export type Uniform = () => number;

/** Exponentially distributed, with that mean. */
export const exponential = (next: Uniform, mean: number): number => -mean * Math.log(1 - next());

/** A whole number from `least` to `most`. */
export const whole = (next: Uniform, least: number, most: number): number =>
  least + Math.floor(next() * (most - least + 1));

/** Shares of `count` things, of which the k-th most popular is asked for in proportion to 1 / k^exponent. */
export function zipf(count: number, exponent: number): number[] {
  const weights = Array.from({ length: count }, (_, i) => (i + 1) ** -exponent);
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / sum);
}

/** Draws a thing's number by its share. */
export function sampler(shares: readonly number[]): (next: Uniform) => number {
  let sum = 0;
  const upTo = shares.map((share) => (sum += share));
  return (next) => {
    const wanted = next() * sum;
    let [low, high] = [0, upTo.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (upTo[middle]! > wanted) high = middle;
      else low = middle + 1;
    }
    return low;
  };
}
