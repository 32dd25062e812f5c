// `npm run l10n`: gives each translation the texts that the editor shows now, sorted. Those that are new are empty, and
// `npm test` fails until they are translated; those that are no longer shown go.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { importTypeScript } from './bundle.mjs';
import { root } from './setup.mjs';

process.chdir(root);
const { messages } = await importTypeScript(join(root, 'test/support/messages.ts'));
const manifestKeys = [...readFileSync('package.json', 'utf8').matchAll(/"%(.+)%"/g)].map(([, key]) => key);

for (const [file, keys] of [
  ...['de', 'zh-cn'].map((language) => [`l10n/bundle.l10n.${language}.json`, messages]),
  ...['', '.de', '.zh-cn'].map((language) => [`package.nls${language}.json`, manifestKeys]),
]) {
  const before = JSON.parse(readFileSync(file, 'utf8'));
  const sorted = [...new Set(keys)].sort((a, b) => a.localeCompare(b, 'en'));
  const after = Object.fromEntries(sorted.map((key) => [key, before[key] ?? '']));
  writeFileSync(file, `${JSON.stringify(after, null, 2)}\n`);
  for (const key of sorted.filter((key) => !after[key])) console.log(`${file}: to be translated: ${key}`);
}
