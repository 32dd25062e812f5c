import { basename } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import {
  MIN_STRENGTH,
  reportStrength,
  setStrength,
  type StrengthReport,
} from '../../../evaluation/strength/set.ts';
import type { StrengthPoint } from '../../../protocol/evaluation.ts';
import { forTerminal } from '../../../text/next-step.ts';
import { formatDifference, formatDifferenceInterval } from '../../../text/units.ts';
import { findRun } from '../../../runs/index.ts';
import { formatTable } from '../../view/format.ts';
import { joinGroups, print, printJson } from '../../view/output.ts';

export function strengthCommand(): Command {
  return new Command('strength')
    .description(
      'show or set the strength of a result, how much of the trained change applies: 1 is as trained, lower is closer to what was before',
    )
    .argument('<run>', 'id of a run, the start of one, or latest')
    .argument('[strength]', 'from 0.05 to 1, or "chosen" for the one that was chosen after training', wanted)
    .option('--json', 'print the result as JSON')
    .action(strength);
}

async function strength(
  run: string,
  asked: number | 'chosen' | undefined,
  { json }: { json?: boolean },
): Promise<void> {
  const dir = await findRun(run);
  const report = await (asked === undefined ? reportStrength(dir) : setStrength(dir, asked));
  if (json) printJson(report);
  else print(describe(report, basename(dir), asked !== undefined).map(forTerminal));
}

function wanted(text: string): number | 'chosen' {
  if (text === 'chosen') return text;
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value))
    throw new InvalidArgumentError('It is a number, or "chosen".');
  return value;
}

function describe(report: StrengthReport, run: string, set: boolean): string[] {
  const { choice, given, strength: now, chosen } = report;
  const origin =
    given !== undefined
      ? 'set by hand'
      : choice?.strength === 0
        ? 'as it was trained'
        : choice
          ? 'chosen after training'
          : report.open
            ? `until measuring it with {evaluate ${run}} chooses one`
            : 'as given when the run was started';
  const next = set
    ? `Completion and export use it from now on. Measure it with {evaluate ${run}}.`
    : `Set another one, from ${MIN_STRENGTH} to 1: forget-me-not strength ${run} 0.5`;
  return joinGroups([
    choice ? table(choice.path, report) : [],
    choice
      ? choice.strength === 0
        ? [`Chosen: none, since ${choice.why}. ${choice.next ?? ''}`.trim()]
        : [`Chosen: ${chosen}, since ${choice.why}.`]
      : [],
    [`The result has strength ${now}, ${origin}. ${next}`],
  ]);
}

/** Learning and forgetting at each strength, compared with the base. */
function table(path: readonly StrengthPoint[], { strength: now, choice }: StrengthReport): string[] {
  const rows = path.map(({ strength: at, learned, kl, solutions }) => [
    String(at),
    learned ? formatDifferenceInterval(learned) : '-',
    kl ? kl.value.toFixed(3) : '-',
    solutions ? formatDifference(solutions.value) : '-',
    [at === choice?.strength && 'chosen', at === now && 'in the file'].filter(Boolean).join(', '),
  ]);
  const head = [
    'strength',
    'learned: bits per byte [95%]',
    'forgot: KL',
    "loss of HumanEval's solutions",
    '',
  ];
  return formatTable([head, ...rows]);
}
