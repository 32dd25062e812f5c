// Rewrites src/llama-cpp/gpu-packages.json: llama.cpp's GPU binaries, which are not part of our packages and are
// downloaded on request. Versions and checksums are from package-lock.json, sizes from npm's registry. Run
// `node scripts/llama-gpu-packages.mjs` after an update of node-llama-cpp.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from './setup.mjs';

const target = join(root, 'src/llama-cpp/gpu-packages.json');
const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
const { version } = packages['node_modules/node-llama-cpp'];

const folder = mkdtempSync(join(tmpdir(), 'forget-me-not-llama-'));
try {
  const found = Object.entries(packages).flatMap(([path, { integrity }]) => {
    const name = /^node_modules\/(@node-llama-cpp\/.*-(vulkan|cuda|cuda-ext|metal))$/.exec(path)?.[1];
    return name ? [{ name, integrity }] : [];
  });
  const listed = found.map(({ name, integrity }) => {
    console.error(name);
    const [packed] = JSON.parse(
      execFileSync('npm', ['pack', `${name}@${version}`, '--json', '--pack-destination', folder], {
        encoding: 'utf8',
        shell: process.platform === 'win32',
      }),
    );
    if (packed.integrity !== integrity) throw new Error(`${name} does not match package-lock.json.`);
    const file = join(folder, packed.filename);
    const bytes = statSync(file).size;
    rmSync(file);
    return { name, integrity, bytes, unpacked: packed.unpackedSize };
  });
  writeFileSync(target, `${JSON.stringify({ version, packages: listed }, null, 2)}\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
