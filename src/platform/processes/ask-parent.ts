/** Asks the parent of this process for a yes or no, because a person decides. See protocol/question.ts. */
import { createInterface } from 'node:readline';
import { jsonLine } from '../../text/foreign-text.ts';

/** The environment of a child whose parent answers. */
export const answersQuestions = { FORGET_ME_NOT_ASK: 'stdin' };

/** Whether the parent of this process answers questions. */
export const canAskParent = (): boolean => process.env['FORGET_ME_NOT_ASK'] === 'stdin';

/** Throws what `signal` was aborted with. */
export function askParent(question: object, signal: AbortSignal): Promise<boolean> {
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
