/**
 * A question that a child process asks its parent, because a person decides: a JSON line on its stderr. The answer is a
 * line on its stdin, `yes` or `no`. Without an answer, as when the parent has ended, it is no.
 */
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { jsonLine } from './foreign-text.ts';

/** Whether work may be sent to a cluster. */
export const sendQuestionSchema = z.object({
  ask: z.literal('send'),
  /** Host and port of the cluster. */
  host: z.string(),
  /** It goes over the network without encryption. */
  plainText: z.boolean(),
  /** Where checkpoints go; null: they stay on the cluster's nodes. */
  storage: z.string().nullable(),
  /** Bytes of this program, and of the work itself; 0 for what is there already. */
  program: z.int().min(0),
  work: z.int().min(0),
});
export type SendQuestion = z.infer<typeof sendQuestionSchema>;

/** The environment of a child whose parent answers. */
export const answersQuestions = { FORGET_ME_NOT_ASK: 'stdin' };

/** Whether the parent of this process answers questions. */
export const canAskParent = (): boolean => process.env['FORGET_ME_NOT_ASK'] === 'stdin';

/** Throws what `signal` was aborted with. */
export function askParent(question: SendQuestion, signal: AbortSignal): Promise<boolean> {
  const lines = createInterface({ input: process.stdin });
  // Requests to stop come this way, too, and leave it unreferenced (child.ts).
  process.stdin.ref();
  return new Promise<boolean>((resolve, reject) => {
    lines.on('line', (line) => {
      if (line === 'yes' || line === 'no') resolve(line === 'yes');
    });
    lines.on('close', () => resolve(false));
    const stop = () => reject(signal.reason as Error);
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) return stop();
    process.stderr.write(`${jsonLine(question)}\n`);
  }).finally(() => {
    lines.removeAllListeners('close').close();
    // Closing pauses it, but a request to stop may still come.
    process.stdin.resume().unref();
  });
}
