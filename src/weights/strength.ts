/**
 * The strength of a run's adapter: a factor of its change to the base. It is part of the alpha in the file, so every
 * reader of the file applies it, including llama.cpp.
 */
import { adapterAlpha } from '../model/index.ts';
import type { Hyper } from '../protocol/run.ts';
import { exportAdapterGguf, readAdapterAlpha, readAdapterGguf } from './adapter.ts';

type ScalingSettings = Pick<Hyper, 'alpha' | 'rank' | 'scaling'>;

/**
 * Atomically rewrites a run's adapter if it has another strength; 1 means as trained. Throws UserError adapter-damaged,
 * and system errors.
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
