/**
 * The strength of a run's adapter: what its change is multiplied by wherever the file is used. It stands in the file's
 * alpha, so whoever reads the adapter, llama.cpp among them, has it.
 */
import { adapterAlpha } from '../model/index.ts';
import type { Hyper } from '../protocol/run.ts';
import { exportAdapterGguf, readAdapterGguf } from './adapter.ts';

/**
 * Writes the adapter of a run anew (by rename) where it has another strength; 1 is as it was trained. Errors:
 * adapter-damaged, disk-full.
 */
export async function setAdapterStrength(
  path: string,
  hyper: Pick<Hyper, 'alpha' | 'rank' | 'scaling'>,
  strength: number,
): Promise<void> {
  const adapter = await readAdapterGguf(path);
  const alpha = adapterAlpha(hyper) * strength;
  if (Math.fround(adapter.alpha) !== Math.fround(alpha)) await exportAdapterGguf(path, { ...adapter, alpha });
}
