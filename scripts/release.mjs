// `npm run release`: packages all platforms into release/, with checksums and the changelog's section about this
// version.
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageExtension } from './package.mjs';
import { targets } from './platform-packages.mjs';
import { root } from './setup.mjs';

/**
 * The section of a changelog (Keep a Changelog) about a version, without its heading. Throws an Error if there is none.
 */
export function changelogOf(version, changelog) {
  const parts = changelog.split(/^## /m).slice(1);
  const part = parts.find((one) => one.startsWith(`[${version}]`));
  if (!part?.includes('\n### '))
    throw new Error(
      `CHANGELOG.md has no section "## [${version}]" that says what changed: move "Unreleased" there.`,
    );
  return part.slice(part.indexOf('\n') + 1).trim();
}

async function release() {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const notes = changelogOf(version, readFileSync(join(root, 'CHANGELOG.md'), 'utf8'));
  const to = join(root, 'release');
  rmSync(to, { recursive: true, force: true });
  mkdirSync(to);
  const sums = [];
  for (const target of Object.keys(targets)) {
    const vsix = await packageExtension({ target, fresh: true });
    copyFileSync(vsix, join(to, basename(vsix)));
    sums.push(`${createHash('sha256').update(readFileSync(vsix)).digest('hex')}  ${basename(vsix)}\n`);
  }
  writeFileSync(join(to, 'SHA256SUMS'), sums.join(''));
  writeFileSync(join(to, 'NOTES.md'), `${notes}\n`);
  console.log(`release/ has ${sums.length} packages of ${version}, SHA256SUMS and NOTES.md.`);
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  await release().catch((error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
