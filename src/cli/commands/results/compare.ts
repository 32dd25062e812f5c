import { Command } from 'commander';
import { compareRuns } from '../../../evaluation/metrics/between-runs.ts';
import { forTerminal } from '../../../text/next-step.ts';
import type { RunComparison } from '../../../protocol/run-comparison.ts';
import { findRun } from '../../../runs/index.ts';
import { formatTable } from '../../view/format.ts';
import { joinGroups, print, printJson } from '../../view/output.ts';
import { comparisonTable } from '../../view/tables.ts';

export function compareCommand(): Command {
  return new Command('compare')
    .description('compare runs: which settings differ, and their metrics on the items that both answered')
    .argument(
      '<run...>',
      'two or more: ids of runs, the start of one, or latest; the others are compared with the first',
    )
    .option('--json', 'print the comparison as JSON')
    .action(async (ids: string[], { json }: { json?: boolean }) => {
      const dirs: string[] = [];
      for (const run of ids) dirs.push(await findRun(run));
      const comparison = await compareRuns(dirs);
      if (json) printJson(comparison);
      else print(describe(comparison));
    });
}

/** Longer values are truncated at the front, since the end of a path is more informative. */
const MAX_WIDTH = 44;
const truncate = (text: string) => (text.length > MAX_WIDTH ? `...${text.slice(3 - MAX_WIDTH)}` : text);

function describe({ runs, differs, against, warnings }: RunComparison): string[] {
  const [first] = runs;
  const settings = differs.length
    ? formatTable([
        ['', ...runs.map(({ id }) => id)],
        ['name', ...runs.map(({ name }) => truncate(name))],
        ...differs.map(({ setting, values }) => [setting, ...values.map(truncate)]),
      ])
    : ['All settings are the same.'];
  const tables = against.map(({ run, comparisons }) => {
    const rows = comparisonTable(comparisons, { names: ['first', 'second'] }).slice(0, -1);
    return [
      `${first!.id} (first), ${run} (second)`,
      ...(rows.length ? rows : ['No metric was measured for both.']),
    ];
  });
  return joinGroups([settings, ...tables, warnings.map(forTerminal)]);
}
