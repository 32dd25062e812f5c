/** Served against trained, by the evaluator as a child: by itself, and before a result is served that was never checked. */
import { notBetter } from '../../evaluation/figures/offer.ts';
import { servedOtherwise, type Served } from '../../runs/verify.ts';
import { UserError } from '../../protocol/errors.ts';
import { evaluatorMessageSchema, type EvaluatorMessage } from '../../protocol/evaluator.ts';
import { findRun, readRun } from '../../runs/index.ts';
import { servedRun, type ServedRun } from '../../serving/client/run-model.ts';
import { followChild } from './follow-child.ts';

interface CheckOptions {
  onProgress?(message: EvaluatorMessage & { type: 'progress' }): void;
  verbose?: boolean | undefined;
}

/** Writes the verdict into the run's summary. Errors: adapter-mismatch, and the evaluator's own. */
export async function checkServed(
  dir: string,
  { onProgress, verbose }: CheckOptions = {},
): Promise<Served | undefined> {
  let served: Served | undefined;
  await followChild('evaluator', [dir, '--check', ...(verbose ? ['--verbose'] : [])], {
    schema: evaluatorMessageSchema,
    verbose,
    onMessage(message) {
      if (message.type === 'progress') onProgress?.(message);
      if (message.type === 'summary') served = message.summary.served;
    },
  });
  if (served && !served.ok) throw new UserError('adapter-mismatch', ...servedOtherwise(served));
  return served;
}

/** What a run has to be served. Errors: those of `findRun`, `servedRun` and `checkServed`. */
export async function findServed(run: string): Promise<ServedRun> {
  const dir = await findRun(run);
  const served = await servedRun(dir, async () => {
    process.stderr.write(
      'First a check that what is served is what was trained; it takes some ten seconds.\n',
    );
    await checkServed(dir);
  });
  const { spec, summary } = await readRun(dir);
  const worse = summary && notBetter(spec.name, summary);
  // Named outright, it is served all the same.
  if (worse) process.stderr.write(`Warning: ${worse.message}\n`);
  return served;
}

export function describeServed({ meanKl, limit, ok }: Served): string {
  const verdict = ok
    ? 'what is served is what was trained'
    : 'what is served is NOT what was trained, so it is not offered';
  return `Checked: ${verdict} (mean KL ${meanKl.toFixed(4)} nats per token, limit ${limit}).`;
}
