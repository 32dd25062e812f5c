/** Follows a run to its end and prints the result. */
import { whyNotOffered } from '../../findings/offer.ts';
import { hasEnded } from '../../findings/run-status.ts';
import { endText } from '../../findings/end-text.ts';
import { forTerminal } from '../../text/next-step.ts';
import { formatBytes, formatDuration } from '../view/format.ts';
import { Announcement } from './announce.ts';
import { followToEnd } from './follow.ts';
import type { LaunchedTrainer } from './launch.ts';
import { print, printJson } from '../view/output.ts';
import { describeServed } from './served-check.ts';
import { writeReport } from '../report/write.ts';
import { totalSeconds } from '../../evaluation/time.ts';
import { comparisonTable } from '../view/tables.ts';
import type { Summary } from '../../protocol/evaluation.ts';
import type { RunSnapshot } from '../../protocol/panel.ts';
import { artefactName } from '../../protocol/run.ts';
import { errorOf, msg, UserError } from '../../text/errors.ts';
import { isAlive } from '../../runs/index.ts';

/** Throws when the run failed. A cancelled run is not an error. */
export async function finishRun(
  dir: string,
  trainer: LaunchedTrainer,
  { json, report }: { json?: boolean; report?: string },
): Promise<void> {
  const announcement = await Announcement.open(dir, trainer.eventsBefore);
  const snapshot = await followToEnd(dir, trainer, { json: json === true, announcement });
  const { spec, state } = snapshot;
  if (trainer.cluster && isAlive(state)) return printDetached(spec.id, trainer.cluster, { dir, json });
  // The trainer could not write its error into the run: another process holds the run, or the disk is full.
  const started = snapshot.events.length > trainer.eventsBefore;
  const exitError = started && hasEnded(state) ? undefined : trainer.exitError();
  if (exitError) throw exitError;
  if (state.status === 'failed' && state.error) throw errorOf(state.error);
  if (state.status === 'cancelled') {
    if (json) printJson({ run: spec.id, dir, status: state.status, step: state.step });
    else
      print(
        `Stopped at step ${state.step} of ${state.steps}. Resume it with: forget-me-not resume ${spec.id}`,
      );
    return;
  }
  if (state.status !== 'done')
    throw new UserError(
      'internal',
      msg`The trainer of run ${spec.id} ended without an error message.`,
      msg`Resume it with {resume ${spec.id}}; ${dir}/trainer.log may say more.`,
    );
  if (report) await writeReport([dir], report);
  if (json) printJson({ ...asJson(dir, snapshot), ...announced(announcement) });
  else printResult(dir, snapshot, report);
}

/** Ctrl+C ended the following only. */
function printDetached(
  id: string,
  cluster: string,
  { dir, json }: { dir: string; json?: boolean | undefined },
): void {
  if (json) return printJson({ run: id, dir, status: 'running' });
  print(
    `The run goes on at ${cluster}, and what it does is written here as before. See it with: forget-me-not show ${id}`,
    `Stop it with: forget-me-not cancel ${id}`,
  );
}

/** Absent if its trainer was killed while it measured, and another process measured the rest. */
const doneEvent = ({ events }: RunSnapshot) => events.findLast((event) => event.type === 'done');

/** Seconds until the end, as they were said after the first steps. */
const announced = ({ times }: Announcement) => times && { announced: Math.round(totalSeconds(times)) };

function asJson(dir: string, snapshot: RunSnapshot) {
  const { spec, state, events, summary } = snapshot;
  const done = doneEvent(snapshot);
  const start = events.findLast((event) => event.type === 'start')!;
  return {
    run: spec.id,
    dir,
    status: 'done',
    backend: start.backend,
    backendReason: start.backendReason,
    steps: done?.step ?? state.step,
    tokensPerSecond: done?.tokensPerSecond,
    peakMemory: done?.peakMemory,
    seconds: done?.seconds,
    artefact: artefactName(spec),
    summary,
  };
}

function printResult(dir: string, snapshot: RunSnapshot, report?: string): void {
  const { spec, summary } = snapshot;
  const done = doneEvent(snapshot);
  if (done)
    print(
      '',
      `Done in ${formatDuration(done.seconds)}: ${Math.round(done.tokensPerSecond)} tokens/s, ${formatBytes(done.peakMemory)} at peak.`,
      '',
    );
  if (summary) {
    print(comparisonTable(summary.comparisons, { spec }), '');
    const { choice, givenStrength, served } = summary;
    if (choice && givenStrength === undefined && served?.ok !== false && !whyNotOffered(summary))
      print(`Offered for completion: ${choice.why}.`, '');
    if (served) print(describeServed(served), '');
    printPlaces(summary);
  }
  print(`Run:    ${spec.id}`, `Result: ${dir}/${artefactName(spec)}`);
  if (report) print(`Report: ${report}`);
  print('', endText(snapshot).map(forTerminal));
}

function printPlaces({ places }: Summary): void {
  if (!places) return;
  const { shown, tried, both, gained, lost } = places;
  const quoted = (text: string) => JSON.stringify(text);
  print(
    `Of ${tried} held-out lines, the rest of ${both + lost} would be suggested exactly before and of ${both + gained} after: ${gained} more, ${lost} no longer${shown.length > 0 ? ', which are' : ''}:`,
  );
  for (const { file, line, prefix, actual, before, after } of shown)
    print(
      `  ${file}:${line}, after ${quoted(prefix.split('\n').at(-1) ?? '')}`,
      `    actual ${quoted(actual)}`,
      `    before ${quoted(before)}`,
      `    after  ${quoted(after)}`,
    );
  print('');
}
