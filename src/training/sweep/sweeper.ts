/**
 * Entry: `node sweeper.mjs SWEEP_DIR`. Reports progress on stdout; when stopped, it keeps finished trials. Parts of a
 * sweep, for a cluster: `--base METHOD`, `--trial METHOD:RATE [--checkpoint-seconds N]`, `--next`; with `--known FILE`,
 * what other parts have measured.
 */
import { parseArgs } from 'node:util';
import { runAsChild } from '../../platform/processes/child.ts';
import type { Hyper } from '../../protocol/run.ts';
import type { SweeperMessage } from '../../protocol/sweep.ts';
import { nextTasks } from './cluster-tasks.ts';
import { readKnownLines, runOneTrial } from './one-trial.ts';
import { runSweep } from './run.ts';
import { readSweep } from './store.ts';

const usage = (): never => {
  console.error(
    'Usage: node sweeper.mjs SWEEP_DIR [--base METHOD | --trial METHOD:RATE | --next] [--known FILE]',
  );
  process.exit(2);
};

const { values, positionals } = (() => {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        base: { type: 'string' },
        trial: { type: 'string' },
        next: { type: 'boolean' },
        known: { type: 'string' },
        'checkpoint-seconds': { type: 'string' },
      },
    });
  } catch {
    return usage();
  }
})();
const dir = positionals[0] ?? usage();
const seconds = values['checkpoint-seconds'];
const checkpointSeconds = seconds === undefined ? undefined : Number(seconds);

/** "lora:0.0001", or a method alone. */
function readPart(text: string): { method: Hyper['method']; learningRate: number | undefined } {
  const [, method, rate] = /^(lora|full)(?::(.+))?$/.exec(text) ?? usage();
  const learningRate = rate === undefined ? undefined : Number(rate);
  if (learningRate !== undefined && !(learningRate > 0)) usage();
  return { method: method as Hyper['method'], learningRate };
}
const part = values.trial ?? values.base;
const requestedPart = part === undefined ? undefined : readPart(part);
if ((values.trial && !requestedPart?.learningRate) || (values.base && requestedPart?.learningRate)) usage();

await runAsChild<SweeperMessage>(async (report, signal) => {
  const onProgress = (progress: object) => report({ type: 'progress', ...progress } as SweeperMessage);
  const known = values.known === undefined ? [] : await readKnownLines(values.known);
  if (values.next) {
    const { spec, lines } = await readSweep(dir);
    for (const task of nextTasks({ spec, lines: [...lines, ...known] }, checkpointSeconds))
      report({ type: 'task', task });
  } else if (requestedPart) {
    const onLine = (line: Extract<SweeperMessage, { type: 'line' }>['line']) =>
      report({ type: 'line', line });
    await runOneTrial(dir, { ...requestedPart, signal, known, checkpointSeconds, onProgress, onLine });
  } else await runSweep(dir, { signal, onProgress, onTrial: () => report({ type: 'trial' }) });
});
