/**
 * Checks that the served model matches the trained one. The evaluator does it, as a child process: on request, and
 * before a result is served that was never checked.
 */
import { notBetter } from '../../findings/offer.ts';
import { servedMismatch, type Served } from '../../runs/verify.ts';
import { UserError } from '../../text/errors.ts';
import type { RunSnapshot } from '../../protocol/panel.ts';
import { evaluatorMessageSchema, type EvaluatorMessage } from '../../protocol/evaluator.ts';
import { findRun, readRun } from '../../runs/index.ts';
import { servedRun, type ServedRun } from '../../serving/client/run-model.ts';
import { followChild } from './follow-child.ts';
import { note } from '../view/output.ts';

interface CheckOptions {
  onProgress?(message: EvaluatorMessage & { type: 'progress' }): void;
  verbose?: boolean | undefined;
}

/** Writes the verdict into the run's summary. Errors: adapter-mismatch, and those of the evaluator. */
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
  if (served && !served.ok) throw new UserError('adapter-mismatch', ...servedMismatch(served));
  return served;
}

/** The files of a run that are served. Errors: those of `findRun`, `servedRun` and `checkServed`. */
export async function findServed(run: string): Promise<ServedRun> {
  const dir = await findRun(run);
  const served = await servedRun(dir, async () => {
    note('Checking first that the served model matches the trained one; this takes about ten seconds.');
    await checkServed(dir);
  });
  warnIfNotBetter(await readRun(dir));
  return served;
}

/** A run that the user named is used all the same. */
export function warnIfNotBetter({ spec, summary }: Pick<RunSnapshot, 'spec' | 'summary'>): void {
  const problem = summary && notBetter(spec.name, summary);
  if (problem) note(`Warning: ${problem.message}`);
}

export function describeServed({ meanKl, limit, ok }: Served): string {
  const verdict = ok
    ? 'the served model matches the trained one'
    : 'the served model does NOT match the trained one, so it is not used';
  return `Checked: ${verdict} (mean KL ${meanKl.toFixed(4)} nats per token, limit ${limit}).`;
}
