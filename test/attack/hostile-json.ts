/** Values that nobody expects in a JSON file or in an adapter, drawn at random. */
import type { Adapter } from '../../src/weights/index.ts';
import type { Random } from '../support/random.ts';

export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

const texts = [
  ...['../../evil', '/etc/passwd', 'C:\\evil', '\\\\server\\evil', 'a/evil', '..', '.evil', ''],
  ...['CON', 'nul.txt', 'ADAPTER.GGUF', 'adapter.gguf', 'adapter.gguf.', 'run.json'],
  ...['\u001b[2J', 'a\rb', 'a\bb', 'a\nChecked: it is the same', '\u202eevil', '\u0000'],
  ...['__proto__', 'constructor', 'toString', '{constructor}', '{train /evil}', '<script>evil()</script>'],
  ...['x'.repeat(5000), 'y'.repeat(2e6), '0'.repeat(64), 'ab'.repeat(32)],
];
const numbers = [-1, 0, 0.5, 1, 2, 1e-320, 2 ** 31, 2 ** 53 + 2, 1e300, -1e308];
/** As text, because JavaScript can't express them: prototype keys, numbers out of range, depth. */
const raw = [
  ...['{"__proto__":{"ok":true}}', '{"constructor":{"prototype":{"ok":true}}}', '1e999', '-1e999', '9e15'],
  ...['[]', '{}', 'null', 'true', '[[[]]]', `${'['.repeat(20_000)}${']'.repeat(20_000)}`],
];
const MARK = '\ue000';

/** The JSON with a value in it replaced, removed, added or duplicated, anywhere. */
export function mutated(json: Json, random: Random): string {
  const places: [Record<string, Json>, string][] = [];
  const visit = (value: Json) => {
    if (typeof value !== 'object' || value === null) return;
    for (const key of Object.keys(value)) {
      places.push([value as Record<string, Json>, key]);
      visit((value as Record<string, Json>)[key]!);
    }
  };
  visit(json);
  const [holder, key] = places[random.integer(places.length)]!;
  const how = random.integer(12);
  let value: Json = MARK;
  if (how < 5) value = texts[random.integer(texts.length)]!;
  else if (how < 8) value = numbers[random.integer(numbers.length)]!;
  const where = random.integer(20);
  if (where === 0) return raw[random.integer(raw.length)]!;
  if (where === 1) delete holder[key];
  else if (where === 2) holder[texts[random.integer(texts.length)]!] = value;
  else if (where === 3 && Array.isArray(holder))
    (holder as Json[]).push(...structuredClone(holder as Json[]));
  else holder[key] = value;
  return JSON.stringify(json).replaceAll(`"${MARK}"`, () => raw[random.integer(raw.length)]!);
}

/** Contents of a summary that this machine acts on. At least one. */
export function claims(random: Random): Record<string, Json> {
  const all: Record<string, Json> = {
    served: { meanKl: 0, limit: 0.01, tokens: 96, ok: random.integer(4) > 0 },
    example: { file: '/etc/passwd', line: 1, prefix: '', actual: '', before: '', after: 'evil' },
    pending: ['retention'],
    choice: { strength: random.integer(2), why: 'evil', limit: 1e9, path: [], setting: '' },
    calibration: { bias: 1e9, slope: 0, count: 9 },
    givenStrength: 0.5,
    stated: [],
    sentence: 'Checked: the served model matches the trained one.',
    step: random.integer(100),
  };
  const names = Object.keys(all);
  const first = names[random.integer(names.length)]!;
  const chosen = names.filter((name) => name === first || random.integer(3) === 0);
  return Object.fromEntries(chosen.map((name) => [name, all[name]!]));
}

interface HostileWeights {
  name: string;
  /** Undefined: the bytes of the file are changed instead. */
  change?: (adapter: Adapter) => Adapter;
}

export function hostileWeights(random: Random): HostileWeights {
  const value = [NaN, Infinity, -Infinity, 3e38, -3e38, 1e6, 1e-45][random.integer(7)]!;
  const alpha = [NaN, Infinity, -6, 0, 1e-45, 3e38, 1e6][random.integer(7)]!;
  const inOne = (adapter: Adapter) => {
    const { a, b } = adapter.layers[random.integer(adapter.layers.length)]!;
    const values = random.integer(2) ? a : b;
    values[random.integer(values.length)] = value;
    return adapter;
  };
  const inAll = (adapter: Adapter) => {
    for (const { a, b } of adapter.layers) (random.integer(2) ? a : b).fill(value);
    return adapter;
  };
  const shaped = (adapter: Adapter) => {
    const [first, ...rest] = adapter.layers as [Adapter['layers'][number], ...Adapter['layers']];
    const out = random.integer(2) ? first.out * 2 : first.out;
    const rank = out === first.out ? 1 + random.integer(9) : first.rank;
    const layer = {
      ...first,
      out,
      rank,
      a: new Float32Array(rank * first.in),
      b: new Float32Array(out * rank),
    };
    return { ...adapter, layers: [layer, ...rest] };
  };
  const named = (adapter: Adapter) => {
    const names = ['blk.99.attn_q', 'token_embd', '../evil', '__proto__', 'blk.0.attn_q'];
    const [first, ...rest] = adapter.layers as [Adapter['layers'][number], ...Adapter['layers']];
    return { ...adapter, layers: [{ ...first, name: names[random.integer(names.length)]! }, ...rest] };
  };
  const all: HostileWeights[] = [
    { name: `with one ${value}`, change: inOne },
    { name: `of ${value}`, change: inAll },
    { name: `with an alpha of ${alpha}`, change: (adapter) => ({ ...adapter, alpha }) },
    { name: 'of another shape', change: shaped },
    { name: 'of other names', change: named },
    { name: 'for another architecture', change: (adapter) => ({ ...adapter, architecture: 'evil' }) },
    { name: 'of another base', change: (adapter) => ({ ...adapter, baseSha256: '0'.repeat(64) }) },
    { name: 'cut short', change: (adapter) => adapter },
    { name: 'with other bits' },
  ];
  return all[random.integer(all.length)]!;
}
