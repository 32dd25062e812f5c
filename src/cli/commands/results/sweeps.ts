import { Command } from 'commander';
import { formatRate, methodName } from '../../../training/learning-rate/choose.ts';
import { sweepSnapshots } from '../../../training/sweep/snapshot.ts';
import type { SweepSnapshot } from '../../../protocol/panel.ts';
import { formatTable } from '../../view/format.ts';
import { print, printJson, type Lines } from '../../view/output.ts';

export function sweepsCommand(): Command {
  return new Command('sweeps')
    .description('list the searches for a learning rate on this machine, newest first')
    .option('--json', 'print the result as JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const sweeps = await sweepSnapshots();
      if (json) printJson(sweeps);
      else print(describe(sweeps));
    });
}

function describe(sweeps: readonly SweepSnapshot[]): Lines {
  if (sweeps.length === 0) return 'There are none yet; start one with: forget-me-not sweep FOLDER';
  const rows = sweeps.flatMap(({ id, base, folder, methods }) =>
    methods.map(({ method, chosen, finished, rates }) => [
      id,
      base.id,
      methodName(method),
      chosen === undefined ? 'none' : formatRate(chosen),
      finished ? `${rates.length} tried` : `${rates.length} tried, not finished`,
      folder,
    ]),
  );
  return formatTable([['search', 'base', 'method', 'rate', 'trials', 'folder'], ...rows]);
}
