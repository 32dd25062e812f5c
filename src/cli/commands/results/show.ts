import { heldOutInTraining } from '../../../findings/late-gain.ts';
import { timeLeftIn } from '../../../findings/run-time.ts';
import { Command } from 'commander';
import { describeCheck, describeTarget, latestExports, type ExportRecord } from '../../../protocol/export.ts';
import { describeRollback, survivingEvents, wasResumed, type RunEvent } from '../../../protocol/events.ts';
import { beforeName, beforeOf } from '../../../findings/before.ts';
import { describeChanged, describeLearning, documentWord } from '../../../findings/describe-learning.ts';
import { describeFolders } from '../../../protocol/folders.ts';
import { forTerminal } from '../../../text/next-step.ts';
import type { RunSnapshot } from '../../../protocol/panel.ts';
import type { RunSpec } from '../../../protocol/run.ts';
import type { Fetched } from '../../../protocol/sharing.ts';
import { forgettingMetric } from '../../../findings/forgetting-metric.ts';
import { strengthInFile } from '../../../findings/strength-rule.ts';
import { hasResult } from '../../../findings/run-status.ts';
import { effectiveStatus, findRun, readRun } from '../../../runs/index.ts';
import { describePlan } from '../../machine/fit-machine.ts';
import { formatBytes, formatCount, formatDuration, formatTable, plural } from '../../view/format.ts';
import { joinGroups, print, printJson, type Lines } from '../../view/output.ts';
import { comparisonTable } from '../../view/tables.ts';
import { english } from '../../../text/message.ts';

export function showCommand(): Command {
  return new Command('show')
    .description('show the settings, state and results of a run')
    .argument('<run>', 'id of a run, the start of one, or latest')
    .option('--json', 'print everything as JSON')
    .action(async (wanted: string, { json }: { json?: boolean }) => {
      const dir = await findRun(wanted);
      const snapshot = await readRun(dir);
      if (json) printJson({ dir, effectiveStatus: effectiveStatus(snapshot), ...snapshot });
      else print(describe(dir, snapshot));
    });
}

type Step = Extract<RunEvent, { type: 'step' }>;
const LAST_STEPS = 5;

function describe(dir: string, snapshot: RunSnapshot): string[] {
  const events = survivingEvents(snapshot.events);
  const steps = events.filter((event): event is Step => event.type === 'step');
  const sections = [
    [`Run ${snapshot.spec.id}`, ...fields(facts(dir, snapshot, events))],
    steps.length > 1
      ? [
          `Loss, step ${steps[0]!.step} to ${steps.at(-1)!.step}`,
          lossLine(steps),
          ...stepTable(steps.slice(-LAST_STEPS)),
        ]
      : [],
    heldOut(events),
    atCheckpoints(events, snapshot),
    measured(snapshot),
    warnings(events, snapshot.brokenLines),
  ];
  return joinGroups(sections).map(forTerminal);
}

const measured = ({ spec, summary }: RunSnapshot): string[] =>
  summary
    ? [...comparisonTable(summary.comparisons, { stated: summary.stated, spec }), summary.sentence]
    : [];

function facts(
  dir: string,
  { spec, state, corpus, exports }: RunSnapshot,
  events: RunEvent[],
): [string, Lines | undefined][] {
  const start = events.findLast((event) => event.type === 'start');
  const done = events.findLast((event) => event.type === 'done');
  const status = effectiveStatus({ spec, state });
  const isMeasuringLeft = status === 'interrupted' && hasResult({ state }, status);
  const nextStep = isMeasuringLeft
    ? `; measure the rest with: forget-me-not evaluate ${spec.id}`
    : status === 'interrupted' ||
        status === 'cancelled' ||
        (status === 'failed' && state.error?.code !== 'diverged')
      ? `; resume with: forget-me-not resume ${spec.id}`
      : '';
  const remaining = status === 'running' || status === 'evaluating' ? timeLeftIn(state) : undefined;
  const eta = remaining === undefined ? '' : `, ${remaining}`;
  const foreign = isTrainedElsewhere(spec);
  const leftOut = Object.values(corpus?.leftOut ?? {}).reduce((sum, count) => sum + count, 0);
  return [
    ['name', spec.name],
    ['fetched', spec.fetched && describeFetched(spec.fetched)],
    ['imported', spec.fetched ? undefined : spec.imported && describeImported(spec.imported)],
    [
      'continues',
      spec.continues &&
        `${spec.continues.run}${corpus?.changed ? `: ${describeChanged(corpus.changed)}` : ''}`,
    ],
    [
      'status',
      `${status}${foreign ? '' : `, step ${state.step} of ${state.steps}`}${state.phase ? ` (${state.phase})` : ''}${eta}${nextStep}`,
    ],
    ['error', state.error && `[${state.error.code}] ${state.error.message} ${state.error.next}`],
    [spec.folders ? 'folders' : 'folder', describeFolders(spec) || undefined],
    ['data', spec.corpus.data],
    [
      'corpus',
      corpus &&
        `${formatCount(corpus.kept)} ${plural(documentWord(spec.folder, spec.corpus), corpus.kept)}, ${formatCount(corpus.trainTokens)} tokens to train on, ${formatCount(corpus.heldOutTokens)} held out; ${formatCount(leftOut)} left out`,
    ],
    ['learned', describeLearning(spec.corpus) || undefined],
    ['base', beforeOf(spec) === 'reference' ? beforeName(spec, spec.base.id) : spec.base.id],
    ['method', describeMethod(spec)],
    ['rate', spec.learningRateReason && `${spec.hyper.learningRate}, ${spec.learningRateReason}`],
    [
      'backend',
      start &&
        `${start.backend} (${start.backendReason}); ${formatCount(start.trainableParameters)} parameters train`,
    ],
    [
      'took',
      done && !foreign
        ? `${formatDuration(done.seconds)}${wasResumed(events) ? ' since it was resumed' : ''}, ${Math.round(done.tokensPerSecond)} tokens/s, ${formatBytes(done.peakMemory)} at peak`
        : undefined,
    ],
    ['memory', describeMemory(events)],
    ['went back', rollbacks(events)],
    ['ended', endedEarly(events)],
    ['kept', describeKept(events)],
    ['result', done && `${dir}/${done.artefact}`],
    ['exported', exports && listExports(exports)],
    ['directory', done ? undefined : dir],
  ];
}

/** Planned and measured memory. */
function describeMemory(events: RunEvent[]): string | undefined {
  const planned = events.findLast((event) => event.type === 'memory');
  if (!planned) return undefined;
  const measured = events.findLast((event) => event.type === 'done' || event.type === 'step')?.peakMemory;
  const peak = measured ? `${formatBytes(measured)} at peak, ` : '';
  return `${peak}${formatBytes(planned.total)} planned (${describePlan({ ...planned.plan, total: planned.total })})`;
}

const listExports = (records: readonly ExportRecord[]) =>
  latestExports(records).map(
    (record) => `${describeTarget(record)}, ${record.path}; ${describeCheck(record.check)}`,
  );

function rollbacks(events: RunEvent[]): string[] {
  return events.flatMap((event) => (event.type === 'rollback' ? [english(describeRollback(event))] : []));
}

function endedEarly(events: RunEvent[]): string | undefined {
  const stop = events.findLast((event) => event.type === 'earlyStop');
  return stop && `early, at step ${stop.step}: ${stop.why}`;
}

function describeKept(events: RunEvent[]): string | undefined {
  const best = events.findLast((event) => event.type === 'best');
  return best && `the checkpoint of step ${best.step}: ${best.why}`;
}

/** Nothing is known about its training. */
const isTrainedElsewhere = ({ imported, fetched }: RunSpec) => imported !== undefined && !fetched;

const describeFetched = ({ from, name, version, publishedAt, sha256, run, licence }: Fetched) =>
  `${name} version ${version} from ${from}, published ${publishedAt.slice(0, 10)} (run ${run}, sha256 ${sha256.slice(0, 12)})${licence ? `, licence: ${licence}` : ''}; its settings and curves are what its publisher states`;

const describeImported = ({ from, format, base }: NonNullable<RunSpec['imported']>) =>
  `from ${from} (${format === 'peft' ? 'PEFT' : 'GGUF'}${base ? `, made for ${base}` : ''})`;

function describeMethod(spec: RunSpec): string {
  const { hyper } = spec;
  const lora =
    hyper.method === 'lora'
      ? ` r = ${hyper.rank}, alpha = ${hyper.alpha}, on ${hyper.targets.join(' ')};`
      : '';
  if (isTrainedElsewhere(spec)) return `${hyper.method}${lora.replace(/;$/, '')}`;
  const batch = hyper.batch * hyper.accumulate;
  return `${hyper.method}${lora ? `:${lora}` : ','} ${hyper.optimizer} at ${hyper.learningRate} (${hyper.schedule}), ${batch > 1 ? `${batch} x ` : ''}${hyper.sequenceLength} tokens a step, ${hyper.precision}, seed ${hyper.seed}`;
}

/** Further lines of a value are placed below its first. */
function fields(rows: [string, Lines | undefined][]): string[] {
  return rows.flatMap(([name, value]) =>
    [value || []].flat().map((line, at) => `  ${(at ? '' : name).padEnd(10)} ${line}`),
  );
}

const bars = [...'▁▂▃▄▅▆▇█'];
const COLUMNS = 60;

/** The loss as a line of bars; each bar is the mean over its share of the steps. */
function lossLine(steps: Step[]): string {
  const columns = Math.min(COLUMNS, steps.length);
  const means = Array.from({ length: columns }, (_, column) => {
    const share = steps.slice(
      Math.floor((column * steps.length) / columns),
      Math.floor(((column + 1) * steps.length) / columns),
    );
    return share.reduce((sum, { loss }) => sum + loss, 0) / share.length;
  });
  const low = Math.min(...means);
  const high = Math.max(...means);
  const toBar = (mean: number) =>
    bars[Math.min(bars.length - 1, Math.floor(((mean - low) / (high - low || 1)) * bars.length))];
  return `  ${means.map(toBar).join('')}  ${high.toFixed(3)} to ${low.toFixed(3)}`;
}

function stepTable(steps: Step[]): string[] {
  const rows = steps.map((step) => [
    `  ${step.step}`,
    step.loss.toFixed(3),
    step.learningRate.toExponential(1),
    step.gradientNorm.toFixed(2),
    Math.round(step.tokensPerSecond).toString(),
    step.mfu === undefined ? '' : `${Math.round(100 * step.mfu)}%`,
  ]);
  return formatTable([['  step', 'loss', 'rate', 'gradient', 'tokens/s', 'utilisation'], ...rows]);
}

/** Held-out loss during training. */
function heldOut(events: RunEvent[]): string[] {
  const measured = heldOutInTraining(events).map(({ step, loss }) => `${step}: ${loss.toFixed(3)}`);
  return measured.length ? [`Held-out loss by step: ${measured.join(', ')}`] : [];
}

/** Metrics measured at checkpoints: KL, or else accuracies. */
function atCheckpoints(events: RunEvent[], { spec, summary }: RunSnapshot): string[] {
  const { evaluation } = spec;
  const found = forgettingMetric(evaluation.checkpointTasks);
  if (!found) return [];
  const { task, metric } = found;
  const values = new Map<number, number>();
  // Checkpoints have strength 1; a result that was measured at another is in the table of its metrics.
  const result = strengthInFile(evaluation.strength, { choice: summary?.choice }) === 1 ? -1 : summary?.step;
  // Step 0 is the base, and training may have begun with an adapter.
  const first = beforeOf(spec) === 'base' ? 0 : 1;
  for (const event of events)
    if (
      event.type === 'evaluation' &&
      event.result.task === task &&
      event.result.metric === metric &&
      event.step >= first &&
      event.step !== result
    )
      values.set(event.step, event.result.value);
  const listed = [...values].toSorted(([a], [b]) => a - b);
  if (listed.length < 2) return [];
  return [
    `${task} ${metric} by step: ${listed.map(([step, value]) => `${step}: ${value.toFixed(3)}`).join(', ')}`,
  ];
}

function warnings(events: RunEvent[], brokenLines: number): string[] {
  const lines = events.flatMap((event) => (event.type === 'warning' ? [`Warning: ${event.message}`] : []));
  if (brokenLines)
    lines.push(
      `Warning: ${brokenLines} broken ${brokenLines === 1 ? 'line' : 'lines'} in events.jsonl skipped.`,
    );
  return lines;
}
