/**
 * Files with a secret, and files with text that only looks like one, drawn from kinds x languages x spellings. Each
 * cell is open or sealed. Some kinds as a whole, some spellings as a whole, and half of all other cells are sealed:
 * whoever improves the detector sees only the open ones that it misses.
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

/** How much more often than others a family is drawn, because it is more common in practice. The others: 1. */
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
  'keys that are none': 2,
  'placeholders in commands': 1.5,
  'placeholders in files': 1.5,
  'placeholders in calls': 1.5,
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
/** Spellings are held back by their forms. */
export const isFormHeldBack = (form: string) => share(`form ${form}`) < HELD_BACK_FORMS;

export function halfOf(kind: string, { language, spelling }: Cell): Half {
  if (isKindHeldBack(kind) || isFormHeldBack(spelling[0]!)) return 'sealed';
  return share([kind, language, ...spelling].join('|')) < 0.5 ? 'sealed' : 'open';
}

/** Attempts per kind before it counts as having no cell in a half. */
const TRIES = 100;

/** A cell of a half: a family by weight, one of its kinds, one of its cells. */
function drawCell(kinds: readonly Kind[], half: Half, draw: Draw): { kind: Kind; cell: Cell } {
  const families = [...new Set(kinds.map(({ family }) => family))];
  for (;;) {
    const family = draw.weighted(families.map((name) => [name, WEIGHTS[name] ?? 1] as const));
    const kind = draw.pick(kinds.filter((one) => one.family === family));
    for (let trial = 0; trial < TRIES; trial++) {
      const cell = draw.pick(kind.cells);
      if (halfOf(kind.name, cell) === half) return { kind, cell };
    }
  }
}

/** Secrets and lookalikes, open and sealed ones, equally many of each; `count` in total. */
export function drawCases(seed: number, count: number): Case[] {
  const draw = new Draw(seed);
  return Array.from({ length: count }, (_, index) => {
    const secret = index % 2 === 0;
    const half = index % 4 < 2 ? 'open' : 'sealed';
    const { kind, cell } = drawCell(secret ? secrets : lookalikes, half, draw);
    const place = [cell.language, ...cell.spelling].join(', ');
    return { secret, half, family: kind.family, kind: kind.name, cell: place, ...cell.write(draw) };
  });
}
