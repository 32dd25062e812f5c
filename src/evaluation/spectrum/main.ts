/**
 * Entry point: `node dist/spectrum.mjs RUN_DIR --strengths|--ranks A,B`. JSON lines on stdout
 * (src/protocol/spectrum.ts). Measures these parts of the run's change and writes parts/. SIGTERM stops it.
 */
import { setMaxListeners } from 'node:events';
import { runAsChild } from '../../platform/processes/child.ts';
import type { SpectrumMessage } from '../../protocol/spectrum.ts';
import type { Part } from './part-files.ts';
import { measureParts } from './parts.ts';

const [dir, option, list] = process.argv.slice(2);
const numbers = (list ?? '').split(',').map(Number);
const isValid = /^--(strengths|ranks)$/.test(option ?? '') && numbers.every((n) => n > 0);
if (!dir || !isValid) {
  console.error('Usage: node spectrum.mjs RUN_DIR --strengths|--ranks A,B');
  process.exit(2);
}

/**
 * Shares are relative to the whole change in the linear layers, so that is measured as well: last, so its presence
 * means that all ranks are there.
 */
const parts: Part[] =
  option === '--strengths'
    ? numbers.map((strength) => ({ strength }))
    : [...numbers, Infinity].map((rank) => ({ rank }));

await runAsChild<SpectrumMessage>(async (emit, signal) => {
  // Every answer in progress adds a listener, and there are many at a time.
  setMaxListeners(0, signal);
  await measureParts(dir, parts, {
    signal,
    onProgress: (progress) => emit({ type: 'progress', ...progress }),
  });
  emit({ type: 'done' });
});
