// `node bench/webgpu/pack.mjs FOLDER` packs bench:webgpu for an offline machine: its bundle and Dawn for this platform,
// about 30 MB. Run it there with `node FOLDER/main.mjs --json`.
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withBundle } from '../../scripts/bundle.mjs';
import { dawnFolder } from '../../scripts/platform-packages.mjs';

const [folder] = process.argv.slice(2);
if (!folder) {
  console.error('Usage: node bench/webgpu/pack.mjs FOLDER');
  process.exit(2);
}
const to = resolve(folder);
const dawn = await dawnFolder();
const platform = process.platform === 'darwin' ? 'darwin-universal' : `${process.platform}-${process.arch}`;
await mkdir(to, { recursive: true });
await withBundle([fileURLToPath(new URL('../webgpu.ts', import.meta.url))], (dir) =>
  cp(join(dir, 'webgpu.mjs'), join(to, 'webgpu.mjs')),
);
for (const file of ['index.js', 'package.json', 'LICENSE.md', `dist/${platform}`])
  await cp(join(dawn, file), join(to, 'node_modules/webgpu', file), { recursive: true });
await writeFile(
  join(to, 'main.mjs'),
  `import { main } from './webgpu.mjs';
await main(process.argv.slice(2)).catch((error) => {
  console.error([error.message, error.next].filter(Boolean).join(' '));
  process.exitCode = 1;
});
`,
);
console.log(`Run there: node ${join(folder, 'main.mjs')} --json`);
