/** How the name of a variable is written: its words in a case, alone or among further words. */
import { capitalised, type Draw } from './draw.ts';

export type Naming = 'camel' | 'pascal' | 'snake' | 'kebab' | 'upper' | 'flat' | 'dotted';
export type Extent = 'alone' | 'prefixed' | 'suffixed' | 'prefixed and suffixed';

export const EXTENTS: readonly Extent[] = ['alone', 'prefixed', 'suffixed', 'prefixed and suffixed'];

const BEFORE = [
  'prod',
  'staging',
  'main',
  'default',
  'internal',
  'acme',
  'legacy',
  'backup',
  'primary',
  'my',
];
const AFTER = ['prod', 'live', 'eu', 'backup', 'value', 'v2', 'primary', '1', 'string'];

export function written(words: readonly string[], naming: Naming): string {
  const lower = words.map((word) => word.toLowerCase());
  const styles: Record<Naming, () => string> = {
    camel: () => lower.map((word, index) => (index ? capitalised(word) : word)).join(''),
    pascal: () => lower.map(capitalised).join(''),
    snake: () => lower.join('_'),
    kebab: () => lower.join('-'),
    upper: () => lower.join('_').toUpperCase(),
    flat: () => lower.join(''),
    dotted: () => lower.join('.'),
  };
  return styles[naming]();
}

/** Further words around a name. */
export function extended(words: readonly string[], extent: Extent, draw: Draw): string[] {
  const before = draw.chance(0.5) ? draw.pick(BEFORE) : draw.word();
  return [
    ...(extent.startsWith('prefixed') ? [before] : []),
    ...words,
    ...(extent.endsWith('suffixed') ? [draw.pick(AFTER)] : []),
  ];
}
