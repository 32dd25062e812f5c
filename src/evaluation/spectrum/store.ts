/** Cache of measured spectra, by the digest of the file: so a base is measured once for all of its runs. */
import { z } from 'zod';
import { spectrumSchema, type Spectrum } from '../../protocol/spectrum.ts';
import { openLineCache } from '../scoring/line-cache.ts';

/** Version of the measurement and of its lines. */
const VERSION = 1;

/** A null spectrum means a zero matrix. */
const lineSchema = z.object({ name: z.string(), spectrum: spectrumSchema.nullable() });

export interface SpectrumStore {
  has(name: string): boolean;
  get(name: string): Spectrum | undefined;
  put(name: string, spectrum: Spectrum | undefined): Promise<void>;
}

export async function openSpectrumStore(digest: string): Promise<SpectrumStore> {
  const { lines, append } = await openLineCache(digest, `spectrum.v${VERSION}`, lineSchema);
  const spectra = new Map(lines.map(({ name, spectrum }) => [name, spectrum ?? undefined]));
  return {
    has: (name) => spectra.has(name),
    get: (name) => spectra.get(name),
    async put(name, spectrum) {
      spectra.set(name, spectrum);
      await append({ name, spectrum: spectrum ?? null });
    },
  };
}
