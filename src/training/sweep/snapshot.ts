/** Sweeps in the form that the results panel shows. */
import { describeFolders } from '../../protocol/folders.ts';
import type { SweepSnapshot } from '../../protocol/panel.ts';
import { concludeSweep } from './choice.ts';
import { listSweeps, type Sweep } from './store.ts';

export function sweepSnapshot({ spec, lines }: Sweep): SweepSnapshot {
  const { id, createdAt, base, hyper, heldOutWindows } = spec;
  return {
    id,
    createdAt,
    base: { id: base.id, sha256: base.sha256 },
    folder: describeFolders(spec),
    optimizer: hyper.optimizer,
    steps: hyper.steps,
    heldOutWindows,
    methods: concludeSweep(spec, lines).map(({ method, rates, chosen, divergesFrom, finished }) => ({
      method,
      rates: rates.map(({ learningRate, verdict, diverged, heldOut, change, kl }) => ({
        learningRate,
        verdict,
        diverged,
        // A loss that is not finite can't be drawn; the verdict says what happened.
        heldOut: finiteOnly(heldOut),
        change: finiteOnly(change),
        kl: kl !== undefined && Number.isFinite(kl) ? kl : undefined,
      })),
      chosen,
      divergesFrom,
      finished,
    })),
  };
}

type Interval = { value: number; low: number; high: number };
const finiteOnly = (interval: Interval | undefined) =>
  interval && [interval.value, interval.low, interval.high].every(Number.isFinite)
    ? { value: interval.value, low: interval.low, high: interval.high }
    : undefined;

/** The sweeps with at least one trial, newest first; only those of the bases, if given. */
export async function sweepSnapshots(baseSha256s?: readonly string[]): Promise<SweepSnapshot[]> {
  const wanted = baseSha256s && new Set(baseSha256s);
  return (await listSweeps())
    .filter(({ spec }) => !wanted || wanted.has(spec.base.sha256))
    .filter(({ lines }) => lines.some(({ type }) => type === 'trial'))
    .map(sweepSnapshot);
}
