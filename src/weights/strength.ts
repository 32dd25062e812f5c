/**
 * The strength of a run's adapter: how much of what the run has learned is in adapter.gguf. If training began with the
 * base, it is a factor on the weights and part of the alpha in the file, so every reader, including llama.cpp, applies
 * it. If it began with an adapter, the file's parameters lie between that adapter's (0) and the trained ones (1), which
 * are kept in trained.gguf while the strength is not 1. (Earlier versions always used alpha.)
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { adapterAlpha } from '../model/index.ts';
import { renamePatiently } from '../platform/files/write-file.ts';
import {
  artefactName,
  EARLIER_ADAPTER,
  earlierAdapterName,
  TRAINED_ADAPTER,
  type RunSpec,
} from '../protocol/run.ts';
import { msg, UserError } from '../text/errors.ts';
import { exportAdapterGguf, readAdapterGguf, readAdapterScale } from './adapter.ts';
import { interpolate } from './interpolate.ts';

type Trained = Pick<RunSpec, 'id' | 'continues' | 'reference'> & {
  hyper: Pick<RunSpec['hyper'], 'method' | 'alpha' | 'rank' | 'scaling'>;
};

/**
 * Atomically rewrites a run's adapter if its strength differs; 1 means as trained. Throws UserError adapter-damaged,
 * and file system errors.
 */
export async function setAdapterStrength(dir: string, spec: Trained, strength: number): Promise<void> {
  const path = join(dir, artefactName(spec));
  if (earlierAdapterName(spec) !== undefined) return setOwnStrength(dir, spec, strength);
  const alpha = adapterAlpha(spec.hyper) * strength;
  if (Math.fround((await readAdapterScale(path)).alpha) === Math.fround(alpha)) return;
  await exportAdapterGguf(path, { ...(await readAdapterGguf(path)), alpha });
}

/** Significant digits of a strength stored in single precision. */
const DIGITS = 6;

/** The strength in the run's adapter. Errors: adapter-damaged. */
export async function readAdapterStrength(dir: string, spec: Trained): Promise<number> {
  return strengthOf(await readAdapterScale(join(dir, artefactName(spec))), spec);
}

const strengthOf = (
  { alpha, strength }: Awaited<ReturnType<typeof readAdapterScale>>,
  { hyper }: Trained,
): number => strength ?? Number((alpha / adapterAlpha(hyper)).toPrecision(DIGITS));

async function setOwnStrength(dir: string, spec: Trained, strength: number): Promise<void> {
  const path = join(dir, artefactName(spec));
  const trained = join(dir, TRAINED_ADAPTER);
  const scale = await readAdapterScale(path);
  if (strengthOf(scale, spec) === strength) return;
  // A file without a strength is as trained except for its alpha: a resumed run has rewritten it.
  if (scale.strength === undefined)
    await exportAdapterGguf(trained, { ...(await readAdapterGguf(path)), alpha: adapterAlpha(spec.hyper) });
  requireTrained(trained, path, spec);
  if (strength === 1) return renamePatiently(trained, path);
  await exportBetween(path, { start: join(dir, EARLIER_ADAPTER), end: trained }, strength, strength);
}

function requireTrained(trained: string, path: string, { id }: Trained): void {
  if (!existsSync(trained))
    throw new UserError(
      'adapter-damaged',
      msg`${trained}, from which other strengths are made, is missing.`,
      msg`Delete ${path} and make it again with {resume ${id}}.`,
    );
}

/** The path of the run's adapter as it was trained: its file, or a copy written to `copy`. Errors: adapter-damaged. */
export async function trainedAdapter(dir: string, spec: Trained, copy: string): Promise<string> {
  const path = join(dir, artefactName(spec));
  const scale = await readAdapterScale(path);
  if (strengthOf(scale, spec) === 1) return path;
  if (scale.strength !== undefined) {
    const trained = join(dir, TRAINED_ADAPTER);
    requireTrained(trained, path, spec);
    return trained;
  }
  await exportAdapterGguf(copy, { ...(await readAdapterGguf(path)), alpha: adapterAlpha(spec.hyper) });
  return copy;
}

/** Writes the adapter at this share of the way between two files. Errors: adapter-damaged. */
export async function exportBetween(
  to: string,
  { start, end }: Record<'start' | 'end', string>,
  share: number,
  strength?: number,
): Promise<void> {
  const adapter = interpolate(await readAdapterGguf(start), await readAdapterGguf(end), share);
  await exportAdapterGguf(to, { ...adapter, strength });
}
