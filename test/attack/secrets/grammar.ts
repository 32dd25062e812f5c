/**
 * Files with a secret, and files with what only looks like one, drawn from kinds x languages x spellings. Each cell is
 * open or sealed. Sealed are some kinds as a whole, some spellings as a whole, and half of all other cells: who improves
 * the detector sees what it misses of the open ones alone.
 */
import { createHash } from 'node:crypto';
import { Draw } from './draw.ts';
import { secrets } from './kinds/index.ts';
import { lookalikes } from './lookalikes/index.ts';
import type { Cell, File, Kind } from './model.ts';

export type Half = 'open' | 'sealed';

export interface Case extends File {
  secret: boolean;
  half: Half;
  family: string;
  kind: string;
  /** "Python, keyword argument, snake, alone". */
  cell: string;
}

/** How much more often than others a family is drawn, because it is more frequent in the world. The others: 1. */
const WEIGHTS: Readonly<Record<string, number>> = {
  'named values': 3,
  'provider tokens': 2.5,
  connections: 2,
  'command lines': 1.5,
  'files of deployments': 2,
  'files of tools': 1.5,
  keys: 1.5,
  cards: 0.5,
  'checksums and ids': 2,
  references: 2.5,
  placeholders: 2,
  'labels and messages': 2,
  'names of things': 2,
  declarations: 1.5,
  'versions and packages': 0.5,
  numbers: 0.7,
};

/** In [0, 1), the same for a text always. */
const share = (text: string) => createHash('sha256').update(text).digest().readUInt32BE(0) / 2 ** 32;

const HELD_BACK_KINDS = 0.2;
const HELD_BACK_FORMS = 0.15;

export const isKindHeldBack = (kind: string) => share(`kind ${kind}`) < HELD_BACK_KINDS;
/** A spelling begins with its form; its naming is held back with no form. */
export const isFormHeldBack = (form: string) => share(`form ${form}`) < HELD_BACK_FORMS;

export function halfOf(kind: string, { language, spelling }: Cell): Half {
  if (isKindHeldBack(kind) || isFormHeldBack(spelling[0]!)) return 'sealed';
  return share([kind, language, ...spelling].join('|')) < 0.5 ? 'sealed' : 'open';
}

interface Group {
  family: string;
  weight: number;
  kinds: { name: string; cells: readonly Cell[] }[];
}

/** The cells of a half, by family and kind. */
function groupsOf(kinds: readonly Kind[], half: Half): Group[] {
  const families = [...new Set(kinds.map(({ family }) => family))];
  return families
    .map((family) => ({
      family,
      weight: WEIGHTS[family] ?? 1,
      kinds: kinds
        .filter((kind) => kind.family === family)
        .map(({ name, cells }) => ({ name, cells: cells.filter((cell) => halfOf(name, cell) === half) }))
        .filter(({ cells }) => cells.length > 0),
    }))
    .filter((group) => group.kinds.length > 0);
}

/** Secrets and lookalikes, open and sealed ones, as many of each; `count` in all. */
export function drawCases(seed: number, count: number): Case[] {
  const draw = new Draw(seed);
  const sides = [true, false].flatMap((secret) =>
    (['open', 'sealed'] as const).map((half) => ({
      secret,
      half,
      groups: groupsOf(secret ? secrets : lookalikes, half),
    })),
  );
  return Array.from({ length: count }, (_, index) => {
    const { secret, half, groups } = sides[index % sides.length]!;
    const { family, kinds } = draw.weighted(groups.map((group) => [group, group.weight] as const));
    const { name, cells } = draw.pick(kinds);
    const cell = draw.pick(cells);
    const placed = { secret, half, family, kind: name, cell: [cell.language, ...cell.spelling].join(', ') };
    return { ...placed, ...cell.write(draw) };
  });
}
