/**
 * Entry point: `node scorer-worker.mjs`, child process of an evaluator. It scores with the trainer's model. Ending the
 * process frees all its memory, which a library's allocator would keep.
 */
import { callsOver } from '../../platform/processes/calls.ts';
import { startBackend, type Backend } from '../../tensor/index.ts';
import { openScorer, type Scorer } from '../../training/scorer.ts';
import type { ScorerCalls, ScorerOpening } from './calls.ts';

if (!process.send) {
  console.error('The evaluator starts this process.');
  process.exit(2);
}

// A terminal signals the whole process group, but only the evaluator decides when to stop.
for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(name, () => undefined);
process.on('disconnect', () => process.exit());

let opening: { options: ScorerOpening; backend: Backend } | undefined;
let opened: Promise<Scorer> | undefined;
let last: Promise<unknown> = Promise.resolve();

function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const done = last.then(work);
  last = done.catch(() => undefined);
  return done;
}

const score = <T>(work: (scorer: Scorer) => Promise<T> | T): Promise<T> =>
  inTurn(async () => work(await scorer()));

/** The model is loaded when it is first needed. */
function scorer(): Promise<Scorer> {
  const { options, backend } = opening!;
  if (!opened) {
    opened = openScorer({ ...options, backend });
    opened.catch(() => (opened = undefined));
  }
  return opened;
}

callsOver<object, ScorerCalls>(process, {
  open: (options) =>
    inTurn(async () => {
      const backend = await startBackend(options.backend, { ...options, orOther: true });
      opening = { options, backend };
      return [...backend.precisions];
    }),
  tokenLosses: (...args) => score((scorer) => scorer.tokenLosses(...args)),
  predictions: (...args) => score((scorer) => scorer.predictions(...args)),
  tokenKl: (...args) => score((scorer) => scorer.tokenKl(...args)),
  prepareKl: (texts) => score((scorer) => scorer.prepareKl(texts)),
  probabilities: (...args) => score((scorer) => scorer.probabilities(...args)),
  setStrength: (strength) => score((scorer) => scorer.setStrength(strength)),
});
