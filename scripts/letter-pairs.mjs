// Rewrites src/corpus/secrets/letter-pairs.json: for each symbol (randomness.ts), the surprisal of each next symbol in
// names in code, in half bits, as a base-36 digit. Counted over the packages installed here. Run
// `node scripts/letter-pairs.mjs`.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { withBundle } from './bundle.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const PACKAGES = [
  '@types/node',
  'chart.js',
  'commander',
  'playwright-core',
  'fastify',
  'openai',
  'undici',
  'vitest',
  'zod',
];

await withBundle([join(root, 'src/corpus/secrets/randomness.ts')], async (dir) => {
  const { symbolsOf, SYMBOLS } = await import(pathToFileURL(join(dir, 'randomness.mjs')));
  const names = new Map();
  for (const file of PACKAGES.flatMap(sourcesOf)) {
    const text = readFileSync(file, 'utf8');
    // Skip minified files.
    if (text.length > 100 * text.split('\n').length) continue;
    for (const [name] of text.matchAll(/(?<![\w-])[A-Za-z][\w./:-]{2,40}(?![\w-])/g))
      names.set(name, (names.get(name) ?? 0) + 1);
  }
  const counts = Array.from({ length: SYMBOLS }, () => Array(SYMBOLS).fill(0.5));
  for (const [name, count] of names) {
    let previous = SYMBOLS - 2;
    for (const symbol of symbolsOf(name)) {
      counts[previous][symbol] += Math.log2(1 + count);
      previous = symbol;
    }
  }
  const lines = counts.map((row) => {
    const sum = row.reduce((a, b) => a + b);
    return row.map((count) => Math.min(35, Math.round(-2 * Math.log2(count / sum))).toString(36)).join('');
  });
  writeFileSync(join(root, 'src/corpus/secrets/letter-pairs.json'), `${JSON.stringify(lines, null, 2)}\n`);
  console.log(`${names.size} names`);
});

function sourcesOf(name) {
  const folder = join(root, 'node_modules', name);
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => /\.(?:[cm]?[jt]s|md)$/.test(path))
    .sort()
    .map((path) => join(folder, path));
}
