import { Command } from 'commander';
import { moduleNames } from '../../../protocol/run.ts';
import {
  describeSpectrum,
  rankRange,
  spectrumKinds,
  spectrumMessageSchema,
  type LinearSpectrum,
  type RunSpectrum,
  type SpectrumKind,
  type SpectrumMessage,
} from '../../../protocol/spectrum.ts';
import { findRun, readRun } from '../../../runs/index.ts';
import { followChild } from '../../processes/follow-child.ts';
import { formatDuration, formatTable } from '../../view/format.ts';
import { LiveLine, print, printJson, printProgress } from '../../view/output.ts';

const liveLine = new LiveLine(process.stderr);

export function spectrumCommand(): Command {
  return new Command('spectrum')
    .description(
      'the rank of what a run changed: singular values of the base, of the change and of noise of the same size, and the rank that holds 90% of their energy',
    )
    .argument('<run>', 'id of a run, the start of one, or latest')
    .option('--json', 'print the result as JSON, progress as JSON lines on stderr')
    .action(spectrum);
}

async function spectrum(
  wanted: string,
  { json = false, verbose }: { json?: boolean; verbose?: boolean },
): Promise<void> {
  const dir = await findRun(wanted);
  try {
    await followChild('spectrum', [dir], {
      schema: spectrumMessageSchema,
      onMessage: (message) => {
        if (message.type === 'progress') showProgress(message, json);
      },
      verbose,
    });
  } finally {
    if (!json) liveLine.clear();
  }
  const { spectrum: measured } = await readRun(dir);
  if (json) return printJson(measured);
  print(rankTable(measured!), '', sentences(measured!), '', `Spectrum: ${dir}/spectrum.json`);
}

function showProgress(message: SpectrumMessage & { type: 'progress' }, json: boolean): void {
  const { done, total, etaSeconds } = message;
  if (json)
    return printProgress({
      phase: 'Singular values',
      done,
      total,
      unit: 'matrices',
      ...(etaSeconds !== undefined && { etaSeconds }),
    });
  const eta = etaSeconds ? `, about ${formatDuration(etaSeconds)} left` : '';
  liveLine.show(`Singular values: ${done} of ${total} matrices${eta}`);
}

/** A row for each module: the median over its layers and, if they differ, the lowest and highest. */
function rankTable({ linears }: RunSpectrum): string[] {
  // StarCoder2 has no gate.
  const modules = moduleNames.filter((module) => linears.some((linear) => linear.module === module));
  const rows = modules.map((module) => {
    const these = linears.filter((linear) => linear.module === module);
    const [rows, columns] = these[0]!.shape;
    return [module, `${rows} x ${columns}`, ...spectrumKinds.map((kind) => rangeText(these, kind))];
  });
  return formatTable([['rank at 90% of the energy', 'shape', ...spectrumKinds], ...rows]);
}

function rangeText(linears: readonly LinearSpectrum[], kind: SpectrumKind): string {
  const range = rankRange(linears, kind);
  if (!range) return '-';
  const { median, low, high } = range;
  return low === high ? `${median}` : `${median} [${low}, ${high}]`;
}

function sentences(measured: RunSpectrum): string[] {
  const sentence = describeSpectrum(measured).replace(/^./, (letter) => letter.toUpperCase());
  const rounded =
    measured.source === 'model'
      ? [
          'The last checkpoint is gone, so the change was read from the exported model, which is rounded to half precision; this adds noise.',
        ]
      : [];
  return [`${sentence}.`, ...rounded];
}
