/**
 * Entry point: `node dist/exporter.mjs RUN_DIR REQUEST`, an ExportRequest as JSON. JSON lines on stdout
 * (src/protocol/export.ts); appends to the run's exports.jsonl. SIGTERM stops it.
 */
import type { Programs } from '../platform/processes/bundles.ts';
import { runAsChild } from '../platform/processes/child.ts';
import { exportRequestSchema, type ExportMessage } from '../protocol/export.ts';
import { exportRun } from './export-run.ts';

await runAsChild<ExportMessage>(async (emit, signal) => {
  const [dir, request] = process.argv.slice(2) as Programs['exporter'];
  const record = await exportRun(dir, exportRequestSchema.parse(JSON.parse(request)), {
    signal,
    onProgress: (phase, done, total) => emit({ type: 'progress', phase, done, total }),
  });
  emit({ type: 'done', record });
});
