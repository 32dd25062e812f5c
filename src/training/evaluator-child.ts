/** Runs the evaluator as a child of the trainer and writes what it reports into the run. */
import { spawn } from 'node:child_process';
import { basename } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { evaluatorMessageSchema } from '../protocol/evaluator.ts';
import { parseLine } from '../protocol/lines.ts';
import type { RunWriter } from '../runs/writer.ts';

/**
 * Resolves when the evaluator has ended. A failed evaluation costs its figures, not the trained result: it
 * becomes a warning in the run.
 */
export async function runEvaluator(dir: string, writer: RunWriter, signal: AbortSignal): Promise<void> {
  const script = fileURLToPath(new URL('./evaluator.mjs', import.meta.url));
  const child = spawn(process.execPath, [script, dir, '--verbose'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    windowsHide: true,
  });
  const stop = () => child.kill('SIGTERM');
  signal.addEventListener('abort', stop);
  if (signal.aborted) stop();
  const exited = new Promise<number | string | null>((resolve) =>
    child.on('close', (code, by) => resolve(code ?? by)).on('error', () => resolve(1)),
  );

  let failed = false;
  for await (const line of createInterface({ input: child.stdout })) {
    const parsed = parseLine(evaluatorMessageSchema, line);
    if (!parsed.ok) continue;
    const message = parsed.value;
    if (message.type === 'result')
      await writer.event({ type: 'evaluation', step: message.step, result: message.result });
    if (message.type === 'progress')
      await writer.state({
        phase: `${message.phase} ${message.done} of ${message.total}`,
        etaSeconds: message.etaSeconds,
      });
    if (message.type === 'warning') await writer.event({ type: 'warning', message: message.message });
    if (message.type === 'failed') {
      failed = true;
      await writer.event({ type: 'warning', message: `Evaluation: ${message.message} ${message.next}` });
    }
  }
  const code = await exited;
  signal.removeEventListener('abort', stop);
  const why = signal.aborted
    ? 'The evaluation was stopped'
    : `The evaluator ended early (${typeof code === 'string' ? code : `exit ${code}`})`;
  if (code !== 0 && !failed)
    await writer.event({
      type: 'warning',
      message: `${why}; measure with "forget-me-not evaluate ${basename(dir)}".`,
    });
}
