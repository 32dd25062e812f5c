/**
 * Entry point: `node dist/spectrum.mjs RUN_DIR [--strengths A,B | --ranks A,B]`. JSON lines on stdout
 * (src/protocol/spectrum.ts). Writes spectrum.json; with an option, it measures these parts of the change instead and
 * writes parts/. SIGTERM stops it.
 */
import { setMaxListeners } from 'node:events';
import { runAsChild } from '../../platform/processes/child.ts';
import type { SpectrumMessage } from '../../protocol/spectrum.ts';
import { measureSpectrum } from './measure.ts';
import type { Part } from './part-files.ts';
import { measureParts } from './parts.ts';

const [dir, option, list] = process.argv.slice(2);
const numbers = (list ?? '').split(',').map(Number);
const isValid = option === undefined || (/^--(strengths|ranks)$/.test(option) && numbers.every((n) => n > 0));
if (!dir || !isValid) {
  console.error('Usage: node spectrum.mjs RUN_DIR [--strengths A,B | --ranks A,B]');
  process.exit(2);
}

/**
 * Shares are relative to the whole change in the linear layers, so that is measured as well: last, so its presence
 * means that all ranks are there.
 */
const parts: Part[] | undefined = {
  '--strengths': numbers.map((strength) => ({ strength })),
  '--ranks': [...numbers, Infinity].map((rank) => ({ rank })),
}[option ?? ''];

await runAsChild<SpectrumMessage>(async (emit, signal) => {
  // Every answer in progress adds a listener, and there are many at a time.
  setMaxListeners(0, signal);
  const onProgress = (progress: { done: number; total: number; etaSeconds?: number }) =>
    emit({ type: 'progress', ...progress });
  if (parts) await measureParts(dir, parts, { signal, onProgress });
  else await measureSpectrum(dir, { signal, onProgress });
  emit({ type: 'done' });
});
