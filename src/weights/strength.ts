/**
 * The strength of a run's adapter: the factor of its change, wherever the file is used. It is part of the alpha in the
 * file, so every reader of the adapter applies it, llama.cpp too.
 */
import { adapterAlpha } from '../model/index.ts';
import type { Hyper } from '../protocol/run.ts';
import { exportAdapterGguf, readAdapterAlpha, readAdapterGguf } from './adapter.ts';

type Scaling = Pick<Hyper, 'alpha' | 'rank' | 'scaling'>;

/**
 * Rewrites a run's adapter (by rename) if it has another strength; 1 is as trained. Throws UserError adapter-damaged,
 * and the system's errors.
 */
export async function setAdapterStrength(path: string, hyper: Scaling, strength: number): Promise<void> {
  const alpha = adapterAlpha(hyper) * strength;
  if (Math.fround(await readAdapterAlpha(path)) === Math.fround(alpha)) return;
  await exportAdapterGguf(path, { ...(await readAdapterGguf(path)), alpha });
}

/** Significant digits of a strength in single precision. */
const DIGITS = 6;

/** The strength in the file. Errors: adapter-damaged. */
export const readAdapterStrength = async (path: string, hyper: Scaling): Promise<number> =>
  Number(((await readAdapterAlpha(path)) / adapterAlpha(hyper)).toPrecision(DIGITS));
