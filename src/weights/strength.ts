/**
 * The strength of a run's adapter: what its change is multiplied by wherever the file is used. It stands in the file's
 * alpha, so whoever reads the adapter, llama.cpp among them, has it.
 */
import { adapterAlpha } from '../model/index.ts';
import type { Hyper } from '../protocol/run.ts';
import { exportAdapterGguf, readAdapterAlpha, readAdapterGguf } from './adapter.ts';

type Scaling = Pick<Hyper, 'alpha' | 'rank' | 'scaling'>;

/**
 * Writes the adapter of a run anew (by rename) where it has another strength; 1 is as it was trained. Errors:
 * adapter-damaged, disk-full.
 */
export async function setAdapterStrength(path: string, hyper: Scaling, strength: number): Promise<void> {
  const alpha = adapterAlpha(hyper) * strength;
  if (Math.fround(await readAdapterAlpha(path)) === Math.fround(alpha)) return;
  await exportAdapterGguf(path, { ...(await readAdapterGguf(path)), alpha });
}

/** Digits that single precision keeps of a strength. */
const DIGITS = 6;

/** What the file's change is multiplied by. Errors: adapter-damaged. */
export const readAdapterStrength = async (path: string, hyper: Scaling): Promise<number> =>
  Number(((await readAdapterAlpha(path)) / adapterAlpha(hyper)).toPrecision(DIGITS));
