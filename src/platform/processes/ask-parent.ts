/** Asks the user a yes/no question through the parent process. See protocol/question.ts. */
import { createInterface } from 'node:readline';
import { jsonLine } from '../../text/foreign-text.ts';

/** Environment for a child whose parent answers questions. */
export const answersQuestions = { FORGET_ME_NOT_ASK: 'stdin' };

/** Whether the parent of this process answers questions. */
export const canAskParent = (): boolean => process.env['FORGET_ME_NOT_ASK'] === 'stdin';

/** Throws the reason of `signal` if it aborts. */
export function askParent(question: object, signal: AbortSignal): Promise<boolean> {
  const lines = createInterface({ input: process.stdin });
  // Stop requests also arrive on stdin, for which it is unreferenced (child.ts).
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
    // Closing pauses stdin, but a stop request may still come.
    process.stdin.resume().unref();
  });
}
