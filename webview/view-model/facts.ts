/** The facts of a run, and which files of the folder or rows of the data set were used. */
import { reasons } from '../../src/corpus/reading/reasons.ts';
import { describeCheck, describeTarget, latestExports } from '../../src/protocol/export.ts';
import { describeChanged, describeLearning, documentWord } from '../../src/protocol/describe-learning.ts';
import { describeFolders } from '../../src/protocol/folders.ts';
import type { RunSnapshot } from '../../src/protocol/panel.ts';
import { tokensPerStep } from '../../src/protocol/run.ts';
import { formatBytes, formatCount, formatDuration, formatRate, formatTime, plural } from './format.ts';
import { methodName } from './labels.ts';
import type { RunSeries } from './series.ts';

export interface Fact {
  name: string;
  value: string;
  note?: string;
}

/** Facts about training, which are unknown for an imported run. */
const ofTraining = ['Learning rate', 'Steps', 'Speed', 'Peak memory', 'Training and measuring took'];

export function runFacts(
  { spec, state, exports, corpus }: RunSnapshot,
  { start, last, done, memory: plan }: RunSeries,
): Fact[] {
  const { hyper } = spec;
  const learning = describeLearning(spec.corpus);
  const speed = done?.tokensPerSecond ?? last?.tokensPerSecond;
  const memory = done?.peakMemory ?? last?.peakMemory;
  const facts: (Fact | undefined)[] = [
    { name: 'Base', value: spec.base.id, note: `sha256 ${spec.base.sha256.slice(0, 12)}` },
    {
      name: 'Method',
      value: methodName(spec),
      note:
        hyper.method === 'lora'
          ? `alpha ${hyper.alpha}, dropout ${hyper.dropout}, on ${hyper.targets.length === 7 ? 'all linears' : hyper.targets.join(', ')}`
          : undefined,
    },
    start && { name: 'Trainable', value: `${formatCount(start.trainableParameters)} parameters` },
    {
      name: 'Learning rate',
      value: formatRate(hyper.learningRate),
      note: [hyper.optimizer === 'lionw' ? 'LionW' : 'AdamW', hyper.schedule, spec.learningRateReason]
        .filter(Boolean)
        .join(', '),
    },
    {
      name: 'Steps',
      value: `${state.step} of ${state.steps}`,
      note: `${formatCount(tokensPerStep(hyper))} tokens each`,
    },
    speed === undefined
      ? undefined
      : {
          name: 'Speed',
          value: `${Math.round(speed).toLocaleString('en')} tokens/s`,
          note: last?.mfu
            ? `${Math.round(100 * last.mfu)}% of the machine's matrix multiplication speed`
            : undefined,
        },
    memory === undefined
      ? undefined
      : {
          name: 'Peak memory',
          value: formatBytes(memory),
          note: plan && `${formatBytes(plan.total)} planned`,
        },
    start && { name: 'Backend', value: `${start.backend}, ${hyper.precision}`, note: start.backendReason },
    done && { name: 'Training and measuring took', value: formatDuration(done.seconds) },
    spec.imported && {
      name: 'Imported from',
      value: spec.imported.from,
      note: spec.imported.base && `trained on ${spec.imported.base}`,
    },
    spec.continues && {
      name: 'Continues',
      value: spec.continues.run,
      note: corpus?.changed && describeChanged(corpus.changed),
    },
    spec.folder ? { name: spec.folders ? 'Folders' : 'Folder', value: describeFolders(spec) } : undefined,
    spec.corpus.data === undefined ? undefined : { name: 'Data set', value: spec.corpus.data },
    learning ? { name: 'Learned', value: learning } : undefined,
    ...latestExports(exports ?? []).map((one) => ({
      name: 'Exported',
      value: `${describeTarget(one)}, step ${one.step}`,
      note: `${one.path}; ${describeCheck(one.check)}`,
    })),
    {
      name: spec.imported ? 'Imported' : 'Started',
      value: formatTime(spec.createdAt),
      note: `seed ${hyper.seed}, run ${spec.id}`,
    },
  ];
  return facts.filter(
    (fact) => fact !== undefined && !(spec.imported && ofTraining.includes(fact.name)),
  ) as Fact[];
}

/** An unknown reason, written by a newer version, is shown by its name. */
const reasonText: Record<string, string | undefined> = reasons;

export interface CorpusView {
  sentence: string;
  /** Most frequent reason first. */
  leftOut: { reason: string; count: number }[];
}

export function corpusView(
  corpus: NonNullable<RunSnapshot['corpus']>,
  spec: RunSnapshot['spec'],
): CorpusView {
  const leftOut = Object.entries(corpus.leftOut)
    .filter(([, count]) => count > 0)
    .map(([reason, count]) => ({ reason: reasonText[reason] ?? reason, count }))
    .sort((a, b) => b.count - a.count || a.reason.localeCompare(b.reason));
  const word = documentWord(spec.folder, spec.corpus);
  const out = leftOut.reduce((sum, { count }) => sum + count, 0);
  return {
    sentence: `${plural(corpus.kept, word)} kept (${formatCount(corpus.trainTokens)} tokens to train on, ${formatCount(corpus.heldOutTokens)} held out); ${word === 'file' ? plural(out, 'file or folder', 'files or folders') : plural(out, word)} left out.`,
    leftOut,
  };
}
