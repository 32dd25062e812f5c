/** Measures another repository's adapter at the items of a run, as a control for the run's own gain. */
import { join } from 'node:path';
import { Resources, runSubject } from '../../src/evaluation/resources.ts';
import { artefactName, EARLIER_ADAPTER, earlierAdapterName, type RunSpec } from '../../src/protocol/run.ts';
import { readSpec } from '../../src/runs/index.ts';
import { exportAdapterGguf, readAdapterGguf } from '../../src/weights/index.ts';
import { exportBetween } from '../../src/weights/strength.ts';
import { scoreAtCursors } from './at-cursors.ts';
import type { DefaultRun, Working } from './default-run.ts';
import type { Foreign } from './metrics.ts';

/** Used if the foreign run chose none because its result was no better than the base on its own code. */
const STRENGTH_IF_NONE = 0.5;

/** A foreign run's adapter, at the strength that its run chose. */
export async function foreignAdapter(
  { dir, place, outcome }: Pick<DefaultRun, 'dir' | 'place' | 'outcome'>,
  spec: RunSpec,
): Promise<string> {
  const path = join(dir, artefactName(spec));
  if (outcome.strength !== 0) return path;
  const scaled = join(place, 'foreign.gguf');
  if (earlierAdapterName(spec) !== undefined) {
    await exportBetween(scaled, { start: join(dir, EARLIER_ADAPTER), end: path }, STRENGTH_IF_NONE);
  } else {
    const adapter = await readAdapterGguf(path);
    await exportAdapterGguf(scaled, { ...adapter, alpha: STRENGTH_IF_NONE * adapter.alpha });
  }
  return scaled;
}

/**
 * Scores it at the cursors of the run in `own`, which has the same base. Cached scores are reused. Errors:
 * run-not-found, run-damaged, run-not-finished, adapter-damaged, cancelled.
 */
export async function measureForeign(
  own: string,
  foreign: Pick<DefaultRun, 'dir' | 'place' | 'outcome'>,
  { cursors, signal, tell }: Working & { cursors: number },
): Promise<Omit<Foreign, 'name'>> {
  const other = await readSpec(foreign.dir);
  const { strength, steps } = foreign.outcome;
  const chosen = strength !== 0;
  const subject = runSubject(foreign.dir, other);
  const { result } = subject;
  if (result?.adapterPath) result.adapterPath = await foreignAdapter(foreign, other);
  const resources = new Resources(subject);
  try {
    const model = await resources.result();
    const { items, scores } = await scoreAtCursors(own, resources, [model], { cursors, signal, tell });
    return {
      strength: chosen ? strength : STRENGTH_IF_NONE,
      chosen,
      steps,
      items: new Map(items.map(({ digest }, index) => [digest, scores[0]![index]!.parts])),
    };
  } finally {
    await resources.dispose();
  }
}
