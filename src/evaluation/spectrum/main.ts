/** Entry: `node dist/spectrum.mjs RUN_DIR`. JSON lines on stdout (src/protocol/spectrum.ts); writes spectrum.json. SIGTERM stops it. */
import { reportError } from '../../protocol/errors.ts';
import type { SpectrumMessage } from '../../protocol/spectrum.ts';
import { measureSpectrum } from './measure.ts';

const dir = process.argv[2];
if (!dir) {
  console.error('Usage: node spectrum.mjs RUN_DIR');
  process.exit(2);
}

const controller = new AbortController();
for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, () => controller.abort());
// Whoever listened has gone.
process.stdout.on('error', () => controller.abort());

const say = (message: SpectrumMessage) => process.stdout.write(`${JSON.stringify(message)}\n`);

try {
  await measureSpectrum(dir, {
    signal: controller.signal,
    onProgress: (progress) => say({ type: 'progress', ...progress }),
  });
  say({ type: 'done' });
} catch (error) {
  const report = reportError(error);
  if (report.code === 'internal') console.error(error);
  say({ type: 'failed', ...report });
  process.exitCode = 1;
}
// Native threads of TensorFlow would keep the process alive; what was said must get out first.
process.stdout.write('', () => process.exit());
