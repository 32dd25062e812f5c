/**
 * Entry point: `node scorer-worker.mjs`, child process of an evaluator. It scores with the trainer's model. Ending the
 * process frees all its memory, which a library's allocator would keep. Messages: src/protocol/scorer.ts.
 */
import { reportError } from '../../text/errors.ts';
import {
  scorerRequestSchema,
  type ScorerAnswer,
  type ScorerOpening,
  type ScorerRequest,
} from '../../protocol/scorer.ts';
import { startBackend, type Backend } from '../../tensor/index.ts';
import { openScorer, type Scorer } from '../../training/scorer.ts';

if (!process.send) {
  console.error('The evaluator starts this process.');
  process.exit(2);
}

// A terminal signals the whole process group, but only the evaluator decides when to stop.
for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(name, () => undefined);
process.on('disconnect', () => process.exit());

let opening: { options: ScorerOpening; backend: Backend } | undefined;
let opened: Promise<Scorer> | undefined;
let queue: Promise<unknown> = Promise.resolve();
process.on('message', (received) => {
  const request = scorerRequestSchema.parse(received);
  queue = queue.then(() => answer(request)).then((message) => process.send!(message));
});

async function answer(request: ScorerRequest): Promise<ScorerAnswer> {
  try {
    if (request.type !== 'open') {
      const value = await score(request, await scorer());
      return { type: 'done', id: request.id, ...(value && { value }) };
    }
    const backend = await startBackend(request.backend, { ...request, orOther: true });
    opening = { options: request, backend };
    return { type: 'started', precisions: [...backend.precisions] };
  } catch (error) {
    const report = reportError(error);
    if (report.code === 'internal') console.error(error);
    return { type: 'failed', ...('id' in request && { id: request.id }), ...report };
  }
}

/** The model is loaded when it is first needed. */
function scorer(): Promise<Scorer> {
  const { options, backend } = opening!;
  if (!opened) {
    opened = openScorer({ ...options, backend });
    opened.catch(() => (opened = undefined));
  }
  return opened;
}

type ScoreRequest = Exclude<ScorerRequest, { type: 'open' }>;

async function score(
  request: ScoreRequest,
  model: Scorer,
): Promise<Extract<ScorerAnswer, { type: 'done' }>['value']> {
  switch (request.type) {
    case 'tokenLosses':
      return model.tokenLosses(request.tokens, request.which, request.options);
    case 'predictions':
      return model.predictions(request.tokens, request.which, request.last);
    case 'tokenKl':
      return model.tokenKl(request.tokens);
    case 'probabilities':
      return model.probabilities(request.tokens, request.which);
    case 'expectKl':
      await model.expectKl(request.texts);
      return undefined;
    case 'setStrength':
      model.setStrength(request.strength);
      return undefined;
  }
}
