/**
 * Cache of measured spectra, by the digest of the file: append-only JSON lines in the cache folder, so that a base is
 * measured once for all of its runs, and a stopped measurement can be resumed.
 */
import { appendFile, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { parseLines } from '../../platform/files/lines.ts';
import { cacheDir } from '../../platform/files/paths.ts';
import { spectrumSchema, type Spectrum } from '../../protocol/spectrum.ts';
import { readText } from '../../platform/files/regular-file.ts';

/** Version of the measurement and of its lines. */
const VERSION = 1;

/** A null spectrum means a zero matrix. */
const lineSchema = z.object({ name: z.string(), spectrum: spectrumSchema.nullable() });

export class SpectrumStore {
  private readonly spectra = new Map<string, Spectrum | undefined>();

  private constructor(private readonly path: string) {}

  static async open(digest: string): Promise<SpectrumStore> {
    const folder = join(cacheDir(), 'evaluation', digest.slice(0, 32));
    const store = new SpectrumStore(join(folder, `spectrum.v${VERSION}.jsonl`));
    const text = await readText(store.path).catch(() => '');
    for (const { name, spectrum } of parseLines(lineSchema, `${text}\n`).values)
      store.spectra.set(name, spectrum ?? undefined);
    await mkdir(dirname(store.path), { recursive: true });
    // A partial line of a killed writer must not swallow the next one.
    if (text && !text.endsWith('\n')) await appendFile(store.path, '\n');
    return store;
  }

  has(name: string): boolean {
    return this.spectra.has(name);
  }

  get(name: string): Spectrum | undefined {
    return this.spectra.get(name);
  }

  async put(name: string, spectrum: Spectrum | undefined): Promise<void> {
    this.spectra.set(name, spectrum);
    await appendFile(this.path, `${JSON.stringify({ name, spectrum: spectrum ?? null })}\n`);
  }
}
