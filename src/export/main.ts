/**
 * Entry point: `node dist/exporter.mjs RUN_DIR --to TARGET --output PATH [--type F16|Q8_0] [--checkpoint STEP]
 * [--base-name NAME] [--names text|pictures]`. JSON lines on stdout (src/protocol/export.ts); appends to the run's
 * exports.jsonl. SIGTERM stops it.
 */
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { runAsChild } from '../platform/processes/child.ts';
import { exportTargets, mergedTypes, peftNames, type ExportMessage } from '../protocol/export.ts';
import { exportRun } from './export-run.ts';

const text = { type: 'string' } as const;
const requestSchema = z.object({
  to: z.enum(exportTargets),
  output: z.string(),
  type: z.enum(mergedTypes).optional(),
  checkpoint: z.coerce.number().int().min(0).optional(),
  'base-name': z.string().optional(),
  names: z.enum(peftNames).optional(),
});

await runAsChild<ExportMessage>(async (emit, signal) => {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { to: text, output: text, type: text, checkpoint: text, 'base-name': text, names: text },
  });
  const { 'base-name': baseName, ...request } = requestSchema.parse(values);
  const record = await exportRun(
    positionals[0]!,
    { ...request, baseName },
    { signal, onProgress: (phase, done, total) => emit({ type: 'progress', phase, done, total }) },
  );
  emit({ type: 'done', record });
});
