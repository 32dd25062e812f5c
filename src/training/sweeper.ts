/** Entry: `node sweeper.mjs SWEEP_DIR`. Says where it stands on stdout; stopping it keeps the trials that are done. */
import { reportError, UserError } from '../protocol/errors.ts';
import type { SweeperMessage } from '../protocol/sweep.ts';
import { runSweep } from './sweep-run.ts';

const dir = process.argv[2];
if (!dir) {
  console.error('Usage: node sweeper.mjs SWEEP_DIR');
  process.exit(2);
}

const stop = new AbortController();
for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, () => stop.abort());
// Whoever listened has gone.
process.stdout.on('error', () => stop.abort());

const say = (message: SweeperMessage) => process.stdout.write(`${JSON.stringify(message)}\n`);

try {
  await runSweep(dir, {
    signal: stop.signal,
    onProgress: (progress) => say({ type: 'progress', ...progress }),
    onTrial: () => say({ type: 'trial' }),
  });
} catch (error) {
  if (!(error instanceof UserError)) console.error(error);
  say({ type: 'failed', ...reportError(error) });
  process.exitCode = 1;
}
await new Promise<void>((done) => process.stdout.write('', () => done()));
// Native threads of TensorFlow would keep the process alive.
process.exit();
