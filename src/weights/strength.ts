/**
 * The strength of a run's adapter: a factor on its weights. It is part of the alpha in the file, so every reader,
 * including llama.cpp, applies it.
 */
import { adapterAlpha } from '../model/index.ts';
import type { Hyper } from '../protocol/run.ts';
import { exportAdapterGguf, readAdapterAlpha, readAdapterGguf } from './adapter.ts';

type ScalingSettings = Pick<Hyper, 'alpha' | 'rank' | 'scaling'>;

/**
 * Atomically rewrites a run's adapter if its strength differs; 1 means as trained. Throws UserError adapter-damaged,
 * and file system errors.
 */
export async function setAdapterStrength(
  path: string,
  hyper: ScalingSettings,
  strength: number,
): Promise<void> {
  const alpha = adapterAlpha(hyper) * strength;
  if (Math.fround(await readAdapterAlpha(path)) === Math.fround(alpha)) return;
  await exportAdapterGguf(path, { ...(await readAdapterGguf(path)), alpha });
}

/** Significant digits of a strength stored in single precision. */
const DIGITS = 6;

/** The strength in the file. Errors: adapter-damaged. */
export const readAdapterStrength = async (path: string, hyper: ScalingSettings): Promise<number> =>
  Number(((await readAdapterAlpha(path)) / adapterAlpha(hyper)).toPrecision(DIGITS));
