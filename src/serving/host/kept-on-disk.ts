/**
 * Keeps what a model has read of its last prompt for the next start: keys and values, about 12 KB a token with a base of
 * 0.5 billion weights. They hold the person's code, so only the user can read the files.
 */
import type { LlamaContextSequence } from 'node-llama-cpp';
import { createHash } from 'node:crypto';
import { chmod, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { gpuPackagesVersion } from '../../llama-cpp/gpu-packages.ts';
import { sha256Of } from '../../platform/files/checksum.ts';
import { cacheDir } from '../../platform/files/paths.ts';
import { readText } from '../../platform/files/regular-file.ts';
import { temporaryPath, writeByRename } from '../../platform/files/write-file.ts';
import { removeLeftovers } from '../../runs/leftovers.ts';

/** Bytes of all files together. */
const MOST_BYTES = 100e6;
/** Shorter prompts are read as quickly as a file. */
const FEWEST_TOKENS = 64;

const folder = () => join(cacheDir(), 'prompts');
const stateSchema = z.object({ version: z.literal(1), sha256: z.string() });

export class KeptOnDisk {
  private readonly state: string;
  private readonly about: string;

  /** `parts`: all that the keys and values depend on, besides llama.cpp's version: base, adapter, context. */
  constructor(parts: readonly (string | number)[]) {
    const name = keyOf(parts);
    this.state = join(folder(), `${name}.state`);
    this.about = join(folder(), `${name}.json`);
  }

  /** Fills an empty sequence with what was kept. Does nothing if there is nothing, or if it is damaged. */
  async load(sequence: LlamaContextSequence): Promise<void> {
    try {
      const { sha256 } = stateSchema.parse(JSON.parse(await readText(this.about)));
      // llama.cpp checks little of what it reads.
      if ((await sha256Of(this.state)) !== sha256) throw new Error('The file is damaged.');
      await sequence.loadStateFromFile(this.state, { acceptRisk: true });
    } catch {
      await this.remove();
    }
  }

  /** Keeps what `sequence` has read, unless it is too short or too large. A failure only costs time at the next start. */
  async save(sequence: LlamaContextSequence): Promise<void> {
    if (sequence.nextTokenIndex < FEWEST_TOKENS) return;
    const temporary = temporaryPath(this.state);
    try {
      await mkdir(folder(), { recursive: true, mode: 0o700 });
      // The folder of a user who chose other rights for new files.
      await chmod(folder(), 0o700);
      await sequence.saveStateToFile(temporary);
      await chmod(temporary, 0o600);
      const sha256 = await sha256Of(temporary);
      await rename(temporary, this.state);
      await writeByRename(this.about, JSON.stringify({ version: 1, sha256 }), 0o600);
      await makeRoom(this.state);
    } catch {
      await rm(temporary, { force: true });
    }
  }

  private async remove(): Promise<void> {
    await Promise.all([this.state, this.about].map((path) => rm(path, { force: true }))).catch(
      () => undefined,
    );
  }
}

/** Name of what is kept of a context: `parts` are all that it depends on, besides llama.cpp's version. */
export const keyOf = (parts: readonly (string | number)[]): string =>
  createHash('sha256')
    .update(JSON.stringify([gpuPackagesVersion, ...parts]))
    .digest('hex')
    .slice(0, 32);

/** Deletes the oldest states until the rest fits; also `newest`, if it is too large by itself. */
async function makeRoom(newest: string): Promise<void> {
  await removeLeftovers(folder());
  const names = (await readdir(folder())).filter((name) => name.endsWith('.state'));
  const states = await Promise.all(
    names.map(async (name) => {
      const { size, mtimeMs } = await stat(join(folder(), name));
      const path = join(folder(), name);
      // By a clock that was ahead: nobody knows when.
      const writtenAt = mtimeMs <= Date.now() ? mtimeMs : 0;
      return { path, size, at: path === newest ? Infinity : writtenAt };
    }),
  );
  let total = 0;
  for (const { path, size } of states.sort((a, b) => b.at - a.at)) {
    total += size;
    if (total <= MOST_BYTES) continue;
    await rm(path, { force: true });
    await rm(path.replace(/state$/, 'json'), { force: true });
  }
}
