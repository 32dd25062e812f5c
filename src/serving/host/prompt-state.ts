/**
 * Saves the keys and values of a model's last prompt for the next start: about 12 KB per token for a base with 0.5
 * billion weights. They reveal the user's code, so only the user can read the files.
 */
import type { LlamaContextSequence } from 'node-llama-cpp';
import { createHash } from 'node:crypto';
import { chmod, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { gpuPackagesVersion } from '../../packages/gpu-packages.ts';
import { sha256Of } from '../../platform/files/checksum.ts';
import { cacheDir } from '../../platform/files/paths.ts';
import { readText } from '../../platform/files/regular-file.ts';
import { temporaryPath, writeByRename } from '../../platform/files/write-file.ts';
import { removeLeftovers } from '../../runs/leftovers.ts';

/** Bytes of all files together. */
const MAX_BYTES = 100e6;
/** Shorter prompts are processed as quickly as a file is read. */
const MIN_TOKENS = 64;

const folder = () => join(cacheDir(), 'prompts');
const stateSchema = z.object({ version: z.literal(1), sha256: z.string() });

export class PromptState {
  private readonly statePath: string;
  private readonly infoPath: string;

  /**
   * `parts`: everything that the keys and values depend on besides llama.cpp's version: base, adapter, context.
   * `bytesPerToken`: about how much they take.
   */
  constructor(
    parts: readonly (string | number)[],
    private readonly bytesPerToken: number,
  ) {
    const name = cacheKey(parts);
    this.statePath = join(folder(), `${name}.state`);
    this.infoPath = join(folder(), `${name}.json`);
  }

  /** Restores the saved state into an empty sequence. Does nothing if there is none, or if it is damaged. */
  async load(sequence: LlamaContextSequence): Promise<void> {
    try {
      const { sha256 } = stateSchema.parse(JSON.parse(await readText(this.infoPath)));
      // llama.cpp validates little of what it reads.
      if ((await sha256Of(this.statePath)) !== sha256) throw new Error('The file is damaged.');
      await sequence.loadStateFromFile(this.statePath, { acceptRisk: true });
    } catch {
      await this.remove();
    }
  }

  /**
   * Saves the state of `sequence`, unless it is too short or too large. A failure only costs time at the next start.
   */
  async save(sequence: LlamaContextSequence): Promise<void> {
    const { nextTokenIndex: tokens } = sequence;
    if (tokens < MIN_TOKENS || tokens * this.bytesPerToken > MAX_BYTES) return;
    const temporary = temporaryPath(this.statePath);
    try {
      await mkdir(folder(), { recursive: true, mode: 0o700 });
      // In case the umask or an existing folder allows more.
      await chmod(folder(), 0o700);
      await sequence.saveStateToFile(temporary);
      await chmod(temporary, 0o600);
      const sha256 = await sha256Of(temporary);
      await rename(temporary, this.statePath);
      await writeByRename(this.infoPath, JSON.stringify({ version: 1, sha256 }), 0o600);
      await makeRoom(this.statePath);
    } catch {
      await rm(temporary, { force: true });
    }
  }

  private async remove(): Promise<void> {
    await Promise.all([this.statePath, this.infoPath].map((path) => rm(path, { force: true }))).catch(
      () => undefined,
    );
  }
}

/** A cache key: `parts` are everything that the content depends on besides llama.cpp's version. */
export const cacheKey = (parts: readonly (string | number)[]): string =>
  createHash('sha256')
    .update(JSON.stringify([gpuPackagesVersion, ...parts]))
    .digest('hex')
    .slice(0, 32);

/** Deletes the oldest states until the rest fits, and any that is too large by itself, even `newest`. */
async function makeRoom(newest: string): Promise<void> {
  await removeLeftovers(folder());
  const names = (await readdir(folder())).filter((name) => name.endsWith('.state'));
  const states = await Promise.all(
    names.map(async (name) => {
      const { size, mtimeMs } = await stat(join(folder(), name));
      const path = join(folder(), name);
      // A time in the future comes from a wrong clock.
      const writtenAt = mtimeMs <= Date.now() ? mtimeMs : 0;
      return { path, size, at: path === newest ? Infinity : writtenAt };
    }),
  );
  let total = 0;
  for (const { path, size } of states.sort((a, b) => b.at - a.at)) {
    if (total + size <= MAX_BYTES) {
      total += size;
      continue;
    }
    await rm(path, { force: true });
    await rm(path.replace(/state$/, 'json'), { force: true });
  }
}
