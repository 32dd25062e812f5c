import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { findReferenceAdapter, knownReferenceAdapter } from '../../base-models/reference-adapters.ts';
import { chooseTargets, linearNames, type Named } from '../../model/targets.ts';
import type { CorpusPlan, Hyper } from '../../protocol/run.ts';
import { note } from '../view/output.ts';

/** In media/, next to dist/ or, when run from source, next to src/. */
function referenceDir(): string {
  const places = ['../media/reference', '../../../media/reference'].map((place) =>
    fileURLToPath(new URL(place, import.meta.url)),
  );
  return places.find((place) => existsSync(place)) ?? places[0]!;
}

/** The path of a base's reference adapter, if it has one; prints a warning and returns undefined if that is damaged. */
export const referenceAdapterOf = (base: { id: string; sha256: string }): Promise<string | undefined> =>
  findReferenceAdapter(base, referenceDir(), (damaged) =>
    note(`${base.id} goes without its reference adapter: ${damaged} is missing or damaged.`),
  );

interface Training {
  config: Named;
  hyper: Pick<Hyper, 'method' | 'targets' | 'rank'>;
  plan: Pick<CorpusPlan, 'mode'>;
}

/**
 * The reference adapter that training on code starts from. Undefined if the base has none, or if the run's own adapter
 * is too small to hold it; the latter is printed.
 */
export async function startingReference(
  base: { id: string; sha256: string },
  { config, hyper, plan }: Training,
): Promise<{ path: string; sha256: string } | undefined> {
  const known = knownReferenceAdapter(base);
  if (!known || hyper.method !== 'lora' || plan.mode !== 'pretrain') return undefined;
  const all = chooseTargets(config, hyper.targets).size === linearNames(config).length;
  if (!all || hyper.rank < known.rank) {
    note(
      `Training begins with the base alone, because the run's adapter is smaller than the base's reference adapter (rank ${known.rank}, all target modules).`,
    );
    return undefined;
  }
  const path = await referenceAdapterOf(base);
  return path === undefined ? undefined : { path, sha256: known.sha256 };
}
