/**
 * Entry: `node dist/exporter.mjs RUN_DIR --to TARGET --output PATH [--type F16|Q8_0|base] [--checkpoint STEP] [--base-name NAME]`.
 * JSON lines on stdout (src/protocol/export.ts); appends to the run's exports.jsonl. SIGTERM stops it.
 */
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { reportError } from '../protocol/errors.ts';
import { exportTargets, mergedTypes, type ExportMessage } from '../protocol/export.ts';
import { exportRun } from './export-run.ts';

const say = (message: ExportMessage) => process.stdout.write(`${JSON.stringify(message)}\n`);
const text = { type: 'string' } as const;
const askedSchema = z.object({
  to: z.enum(exportTargets),
  output: z.string(),
  type: z.enum(mergedTypes).optional(),
  checkpoint: z.coerce.number().int().min(0).optional(),
  'base-name': z.string().optional(),
});

const controller = new AbortController();
for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, () => controller.abort());
// Whoever listened has gone.
process.stdout.on('error', () => controller.abort());

try {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { to: text, output: text, type: text, checkpoint: text, 'base-name': text },
  });
  const { 'base-name': baseName, ...asked } = askedSchema.parse(values);
  const record = await exportRun(
    positionals[0]!,
    { ...asked, baseName },
    {
      signal: controller.signal,
      onProgress: (phase, done, total) => say({ type: 'progress', phase, done, total }),
    },
  );
  say({ type: 'done', record });
} catch (error) {
  const report = reportError(error);
  if (report.code === 'internal') console.error(error);
  say({ type: 'failed', ...report });
  process.exitCode = 1;
}
// Native threads of TensorFlow and llama.cpp would keep the process alive; what was said must get out first.
process.stdout.write('', () => process.exit());
