// Rewrites src/packages/gpu-packages.json: what only a GPU needs, and is downloaded on request. llama.cpp's binaries are
// of package-lock.json's version of node-llama-cpp, Dawn is of the version there. Run
// `node scripts/llama-gpu-packages.mjs` after an update of node-llama-cpp, or with a version of Dawn (npm's webgpu).
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from './setup.mjs';

const target = join(root, 'src/packages/gpu-packages.json');
const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
const { version, optionalDependencies } = packages['node_modules/node-llama-cpp'];
const dawn = process.argv[2] ?? JSON.parse(readFileSync(target, 'utf8')).dawn.version;

const folder = mkdtempSync(join(tmpdir(), 'forget-me-not-llama-'));
/** npm checks the archive against the registry's checksum. */
function pinned(name, of) {
  console.error(name);
  const [packed] = JSON.parse(
    execFileSync('npm', ['pack', `${name}@${of}`, '--json', '--pack-destination', folder], {
      encoding: 'utf8',
      shell: process.platform === 'win32',
    }),
  );
  const { size: bytes } = statSync(join(folder, packed.filename));
  return { integrity: packed.integrity, bytes, unpacked: packed.unpackedSize };
}

try {
  const names = Object.keys(optionalDependencies).filter((name) =>
    /-(vulkan|cuda|cuda-ext|metal)$/.test(name),
  );
  const table = {
    version,
    packages: names.map((name) => ({ name, ...pinned(name, version) })),
    dawn: { name: 'webgpu', version: dawn, ...pinned('webgpu', dawn) },
  };
  writeFileSync(target, `${JSON.stringify(table, null, 2)}\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
