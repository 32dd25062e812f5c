/** Where Dawn is, Chromium's WebGPU: our own packages contain it, and a checkout downloads it. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { dawn, fetchedPackage } from '../packages/gpu-packages.ts';
import { msg } from '../text/message.ts';

/** The file to import; undefined if it is not installed. */
export function locateDawn(): string | undefined {
  try {
    return createRequire(import.meta.url).resolve(dawn.name);
  } catch {
    const fetched = join(fetchedPackage(dawn), 'index.js');
    return existsSync(fetched) ? fetched : undefined;
  }
}

export const dawnMissing = msg`WebGPU is not installed: {install-gpu} downloads it.`;
