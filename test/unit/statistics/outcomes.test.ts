/** A run calls its result better where something was gained, and hardly ever where nothing was. */
import { expect, it } from 'vitest';
import {
  gains,
  halfWidth,
  repositories,
  sharesOfOutcomes,
  variations,
} from '../../../bench/coverage/outcomes.ts';

const DRAWS = 500;
const named = Object.entries(variations).flatMap(([name, variation]) =>
  repositories
    .filter(({ strengths }) => strengths.length > 1)
    .map((repository) => ({ name, variation, ...repository })),
);

it.each(named)('$name variation, $files files, $places places', ({ variation, ...repository }) => {
  const share = (gain: number) => sharesOfOutcomes(gain, variation, repository, DRAWS);
  // The most is 5.3%, in 32 files, as up to three looks are taken at the same interval.
  expect(share(gains.none).better).toBeLessThan(0.06);
  const all = share(gains.all);
  if (repository.places === 12) expect(all['too little code']).toBeGreaterThan(all['not better']);
  else expect(all['too little code']).toBe(0);
  if (repository.files === 32) expect(all.better).toBeGreaterThan(0.98);
});

it('the small variation is as we measured', () => {
  expect(halfWidth(0.0205, variations.small, 300)).toBeCloseTo(0.0067, 3);
});
