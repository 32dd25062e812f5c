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

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    base: { type: 'string' },
    trial: { type: 'string' },
    next: { type: 'boolean' },
    known: { type: 'string' },
    'checkpoint-seconds': { type: 'string' },
  },
});
const dir = positionals[0]!;
const toNumber = (text: string | undefined) => (text === undefined ? undefined : Number(text));
const checkpointSeconds = toNumber(values['checkpoint-seconds']);
/** Of "lora:0.0001", or of a method alone. */
const [method, rate] = (values.trial ?? values.base)?.split(':') ?? [];

await runAsChild<SweeperMessage>(async (report, signal) => {
  const onProgress = (progress: object) => report({ type: 'progress', ...progress } as SweeperMessage);
  const known = values.known === undefined ? [] : await readKnownLines(values.known);
  if (values.next) {
    const { spec, lines } = await readSweep(dir);
    for (const task of nextTasks({ spec, lines: [...lines, ...known] }, checkpointSeconds))
      report({ type: 'task', task });
  } else if (method) {
    const part = { method: method as Hyper['method'], learningRate: toNumber(rate) };
    const onLine = (line: Extract<SweeperMessage, { type: 'line' }>['line']) =>
      report({ type: 'line', line });
    await runOneTrial(dir, { ...part, signal, known, checkpointSeconds, onProgress, onLine });
  } else await runSweep(dir, { signal, onProgress, onTrial: () => report({ type: 'trial' }) });
});
