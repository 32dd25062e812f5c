/** Entry: `node dist/spectrum.mjs RUN_DIR`. JSON lines on stdout (src/protocol/spectrum.ts); writes spectrum.json. SIGTERM stops it. */
import { runAsChild } from '../../protocol/child.ts';
import type { SpectrumMessage } from '../../protocol/spectrum.ts';
import { measureSpectrum } from './measure.ts';

const dir = process.argv[2];
if (!dir) {
  console.error('Usage: node spectrum.mjs RUN_DIR');
  process.exit(2);
}

await runAsChild<SpectrumMessage>(async (say, signal) => {
  await measureSpectrum(dir, {
    signal,
    onProgress: (progress) => say({ type: 'progress', ...progress }),
  });
  say({ type: 'done' });
});
