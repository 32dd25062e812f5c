import { resolve } from 'node:path';
import { Command, Option } from 'commander';
import { UserError } from '../../../text/errors.ts';
import {
  describeCheck,
  describeExport,
  describeTarget,
  exportMessageSchema,
  exportTargets,
  mergedTypes,
  type ExportRecord,
  type ExportRequest,
  peftNames,
} from '../../../protocol/export.ts';
import { findRun, readRun } from '../../../runs/index.ts';
import { followChild } from '../../processes/follow-child.ts';
import { warnIfNotBetter } from '../../processes/served-check.ts';
import { formatBytes } from '../../view/format.ts';
import { LiveLine, print, printJson, printProgress } from '../../view/output.ts';
import { integer } from '../../../training/options/values.ts';

interface Options extends Omit<ExportRequest, 'output'> {
  output?: string;
  json?: boolean;
  verbose?: boolean;
}

const liveLine = new LiveLine(process.stderr);

export function exportCommand(): Command {
  return new Command('export')
    .description(
      "write a run's result for other programs, after checking that llama.cpp computes the same as the trainer",
    )
    .argument('<run>', 'id of a run, the start of one, or latest')
    .addOption(
      new Option(
        '--to <form>',
        'gguf-adapter (LoRA for llama.cpp), gguf-merged (a whole model) or peft (a folder for the PEFT library)',
      )
        .choices(exportTargets)
        .makeOptionMandatory(),
    )
    .addOption(new Option('--type <type>', 'precision of gguf-merged (default: F16)').choices(mergedTypes))
    .option('-o, --output <path>', 'where to write it (default: in the current folder, named after the run)')
    .option('--checkpoint <step>', 'export this checkpoint instead of the result', integer(0))
    .option(
      '--base-name <name>',
      'for peft: the name under which transformers loads the base (default: that of a known base, else its id)',
    )
    .addOption(
      new Option(
        '--names <kind>',
        "for peft of a large Gemma 3: names of the model for text, or of the one that takes images (default: what the base's file says)",
      ).choices(peftNames),
    )
    .option('--json', 'print what was written and its check as JSON, progress as JSON lines on stderr')
    .action(exportRun);
}

async function exportRun(wanted: string, options: Options): Promise<void> {
  const { to, type, json = false, verbose } = options;
  if (type && to !== 'gguf-merged')
    throw new UserError(
      'bad-argument',
      `--type is for gguf-merged; ${describeTarget({ to })}s are written in F32.`,
      'Leave --type out, or use --to gguf-merged.',
    );
  if (options.names && to !== 'peft')
    throw new UserError('bad-argument', '--names is for peft.', 'Leave --names out, or use --to peft.');
  const dir = await findRun(wanted);
  const run = await readRun(dir);
  const { id } = run.spec;
  if (options.checkpoint === undefined) warnIfNotBetter(run);
  const output = resolve(options.output ?? defaultName(id, options));
  const request: ExportRequest = { ...options, output };
  let record: ExportRecord | undefined;
  try {
    await followChild('exporter', [dir, JSON.stringify(request)], {
      schema: exportMessageSchema,
      onMessage: (message) => {
        if (message.type === 'done') record = message.record;
        else if (message.type === 'progress') show(message, json);
      },
      verbose,
    });
  } finally {
    if (!json) liveLine.clear();
  }
  if (json) return printJson({ run: id, ...record });
  const { path, bytes, check } = record!;
  print(`${describeExport(record!)}, ${formatBytes(bytes)}: ${path}`);
  print(`Checked: ${describeCheck(check)}.`);
  if (record!.note) print(record!.note);
  if (record!.warning) print(`Warning: ${record!.warning}`);
}

function show({ phase, done, total }: { phase: string; done: number; total: number }, json: boolean): void {
  if (json) printProgress({ phase, done, total, unit: 'parts' });
  else liveLine.show(phase);
}

function defaultName(id: string, { to, type = 'F16', checkpoint }: Options): string {
  const name = checkpoint === undefined ? id : `${id}-step-${checkpoint}`;
  if (to === 'peft') return `${name}-peft`;
  return to === 'gguf-adapter' ? `${name}-adapter.gguf` : `${name}-${type}.gguf`;
}
