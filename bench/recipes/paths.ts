/** Compares paths of learning against forgetting. Pure. */
import type { StrengthPoint } from '../../src/protocol/evaluation.ts';
import { formatDifference, formatDifferenceInterval } from '../../src/text/units.ts';
import { markdownTable } from '../markdown.ts';

export interface Path {
  name: string;
  points: readonly StrengthPoint[];
}

/** How much the first path forgets where it has learned as much as another path. */
interface AtEqualLearning {
  name: string;
  /** Change in bits per byte at held-out cursors from the base. */
  learned: number;
  /** KL from the base, in nats per token, of the other path and of the first. */
  kl: { there: number; first: number };
}

/** Compares at each point of the others within the first path's range, interpolating that linearly. */
export function betweenPoints([first, ...others]: readonly Path[]): AtEqualLearning[] {
  const known = [{ learned: 0, kl: 0 }, ...first!.points.map(valuesOf)].sort((a, b) => b.learned - a.learned);
  return others.flatMap(({ name, points }) =>
    points.map(valuesOf).flatMap(({ learned, kl }) => {
      const beyond = known.findIndex((point) => point.learned <= learned);
      if (learned >= 0 || beyond < 1) return [];
      const [from, to] = [known[beyond - 1]!, known[beyond]!];
      const share = (learned - from.learned) / (to.learned - from.learned);
      return [{ name, learned, kl: { there: kl, first: from.kl + share * (to.kl - from.kl) } }];
    }),
  );
}

const valuesOf = ({ learned, kl }: StrengthPoint) => ({ learned: learned?.value ?? 0, kl: kl?.value ?? 0 });

export function tableOf(paths: readonly Path[], compared: readonly AtEqualLearning[]): string {
  const titles = ['recipe', 'strength', 'bits per byte at held-out cursors', 'KL', 'loss of solutions'];
  const rows = paths.flatMap(({ name, points }) =>
    points.map(({ strength, learned, kl, solutions }) => [
      name,
      String(strength),
      learned ? formatDifferenceInterval(learned) : '',
      kl ? kl.value.toFixed(3) : '',
      solutions ? formatDifferenceInterval(solutions) : '',
    ]),
  );
  return [
    ...markdownTable(titles, rows),
    '',
    ...compared.map(
      ({ name, learned, kl }) =>
        `At ${formatDifference(learned)}, ${name} forgets ${kl.there.toFixed(3)}, ${paths[0]!.name} ${kl.first.toFixed(3)}.`,
    ),
  ].join('\n');
}
