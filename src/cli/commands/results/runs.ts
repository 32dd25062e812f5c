import { Command } from 'commander';
import { deleteRunCommand } from './delete-run.ts';
import { effectiveStatus, scanRuns, type FoundRuns } from '../../../runs/index.ts';
import { formatTable } from '../../view/format.ts';
import { forTerminal } from '../../../text/next-step.ts';
import { print, printJson, type Lines } from '../../view/output.ts';

export function runsCommand(): Command {
  return new Command('runs')
    .description('list all runs on this machine, newest first, or delete one')
    .option('--json', 'print the result as JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const found = await scanRuns();
      if (json) printJson(toJson(found));
      else print(describe(found));
    })
    .addCommand(deleteRunCommand());
}

function toJson({ runs, damaged }: FoundRuns) {
  return {
    runs: runs.map(({ dir, snapshot: { spec, state, summary } }) => ({
      id: spec.id,
      dir,
      name: spec.name,
      createdAt: spec.createdAt,
      folder: spec.folder,
      folders: spec.folders,
      base: spec.base.id,
      fetched: spec.fetched,
      method: spec.hyper.method,
      status: effectiveStatus({ spec, state }),
      step: state.step,
      steps: state.steps,
      sentence: summary?.sentence,
    })),
    damaged,
  };
}

function describe({ runs, damaged }: FoundRuns): Lines {
  if (runs.length + damaged.length === 0)
    return 'There are no runs yet; start one with: forget-me-not train FOLDER --minutes 10';
  const rows = runs.map(({ snapshot: { spec, state } }) => [
    spec.id,
    spec.name,
    effectiveStatus({ spec, state }),
    spec.fetched ? 'fetched' : spec.imported ? 'imported' : `${state.step}/${state.steps}`,
    spec.createdAt.slice(0, 16).replace('T', ' '),
  ]);
  const parts = rows.length ? formatTable([['run', 'name', 'status', 'step', 'started (UTC)'], ...rows]) : [];
  if (damaged.length)
    parts.push(
      `${damaged.length} can't be opened:`,
      ...damaged.map(({ id, error }) => `  ${id}: ${error.message} ${forTerminal(error.next)}`),
    );
  return parts;
}
