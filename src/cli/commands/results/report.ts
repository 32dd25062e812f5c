import { stat } from 'node:fs/promises';
import { Command } from 'commander';
import { findRun } from '../../../runs/index.ts';
import { formatBytes } from '../../view/format.ts';
import { print, printJson } from '../../view/output.ts';
import { writeReport } from '../../report/write.ts';

interface ReportOptions {
  output: string;
  json?: boolean;
}

export function reportCommand(): Command {
  return new Command('report')
    .description('write the results of one or more runs, with charts, into one HTML file')
    .argument('<run...>', 'id of a run, the start of one, or latest')
    .option('-o, --output <file>', 'where to write it', 'report.html')
    .option('--json', 'print the result as JSON')
    .action(report);
}

async function report(wanted: string[], { output, json }: ReportOptions): Promise<void> {
  // A run named twice is shown once.
  const dirs = [...new Set(await Promise.all(wanted.map((run) => findRun(run))))];
  const path = await writeReport(dirs, output);
  const { size } = await stat(path);
  if (json) printJson({ path, bytes: size, runs: dirs.length });
  else print(`${path} (${formatBytes(size)})`);
}
