/** The facts of a run, and which files of the folder or rows of the data set were used. */
import { percent, t, tKnown, translate, whole, withPoint } from '../../src/text/l10n.ts';
import { reasons } from '../../src/corpus/reasons.ts';
import { describeCheck, describeTarget, latestExports } from '../../src/protocol/export.ts';
import { describeChanged, describeLearning, documentWord } from '../../src/findings/describe-learning.ts';
import { describeFolders } from '../../src/protocol/folders.ts';
import { wasResumed } from '../../src/protocol/events.ts';
import type { RunSnapshot } from '../../src/protocol/panel.ts';
import { tokensPerStep } from '../../src/protocol/run.ts';
import { roughly } from '../../src/text/units.ts';
import { formatBytes, formatDuration, formatRate, formatTime, stepName } from './format.ts';
import { methodName } from './labels.ts';
import { beforeName, beforeOf } from '../../src/findings/before.ts';
import type { RunSeries } from './series.ts';
import { textOf } from '../../src/text/message.ts';

interface Fact {
  name: string;
  value: string;
  note?: string;
}

/** Facts about training, which are unknown for an imported run. */
const trainingFacts = () => [
  t('Learning rate'),
  t('Steps'),
  t('Speed'),
  t('Peak memory'),
  t('Training and measuring took'),
];

export function runFacts(
  { spec, state, events, exports, corpus }: RunSnapshot,
  { start, steps, done, memory: plan }: RunSeries,
): Fact[] {
  const { hyper } = spec;
  const last = steps.at(-1);
  const learning = describeLearning(spec.corpus);
  const speed = done?.tokensPerSecond ?? last?.tokensPerSecond;
  const memory = done?.peakMemory ?? last?.peakMemory;
  const facts: (Fact | undefined)[] = [
    {
      name: t('Base'),
      value: beforeOf(spec) === 'reference' ? beforeName(spec, spec.base.id) : spec.base.id,
      note: `sha256 ${spec.base.sha256.slice(0, 12)}`,
    },
    {
      name: t('Method'),
      value: methodName(spec),
      note:
        hyper.method === 'lora'
          ? t('alpha {alpha}, dropout {dropout}, on {targets}', {
              alpha: withPoint(String(hyper.alpha)),
              dropout: withPoint(String(hyper.dropout)),
              targets: hyper.targets.length === 7 ? t('all linears') : hyper.targets.join(', '),
            })
          : undefined,
    },
    start && {
      name: t('Trainable'),
      value: t('{count} parameters', { count: roughly(start.trainableParameters) }),
    },
    {
      name: t('Learning rate'),
      value: formatRate(hyper.learningRate),
      note: [
        hyper.optimizer === 'lionw' ? 'LionW' : 'AdamW',
        hyper.schedule,
        translate(textOf(spec, 'learningRateReason') ?? ''),
      ]
        .filter(Boolean)
        .join(', '),
    },
    {
      name: t('Steps'),
      value: t('{done} of {total}', { done: whole(state.step), total: whole(state.steps) }),
      note: t('{tokens} tokens each', { tokens: roughly(tokensPerStep(hyper)) }),
    },
    speed === undefined
      ? undefined
      : {
          name: t('Speed'),
          value: t('{speed} tokens/s', { speed: whole(Math.round(speed)) }),
          note: last?.mfu
            ? t("{share} of the machine's matrix multiplication speed", { share: percent(last.mfu) })
            : undefined,
        },
    memory === undefined
      ? undefined
      : {
          name: t('Peak memory'),
          value: formatBytes(memory),
          note: plan && t('{size} planned', { size: formatBytes(plan.total) }),
        },
    start && {
      name: t('Backend'),
      value: `${start.backend}, ${hyper.precision}`,
      note: translate(textOf(start, 'backendReason')),
    },
    done && {
      name: t('Training and measuring took'),
      value: formatDuration(done.seconds),
      note: wasResumed(events) ? t('since it was resumed') : undefined,
    },
    spec.imported && {
      name: t('Imported from'),
      value: spec.imported.from,
      note: spec.imported.base && t('trained on {base}', { base: spec.imported.base }),
    },
    spec.continues && {
      name: t('Continues'),
      value: spec.continues.run,
      note: corpus?.changed && describeChanged(corpus.changed),
    },
    spec.folder
      ? { name: spec.folders ? t('Folders') : t('Folder'), value: describeFolders(spec) }
      : undefined,
    spec.corpus.data === undefined ? undefined : { name: t('Data set'), value: spec.corpus.data },
    learning ? { name: t('Learned'), value: learning } : undefined,
    ...latestExports(exports ?? []).map((record) => ({
      name: t('Exported'),
      value: `${describeTarget(record)}, ${stepName(record.step)}`,
      note: `${record.path}; ${describeCheck(record.check)}`,
    })),
    {
      name: spec.imported ? t('Imported') : t('Started'),
      value: formatTime(spec.createdAt),
      note: t('seed {seed}, run {run}', { seed: hyper.seed, run: spec.id }),
    },
  ];
  return facts.filter(
    (fact) => fact !== undefined && !(spec.imported && trainingFacts().includes(fact.name)),
  ) as Fact[];
}

/** "1 file" or "12 files". */
function documents(count: number, word: string): string {
  const number = { count: whole(count) };
  const isSingle = count === 1;
  switch (word) {
    case 'file':
      return isSingle ? t('1 file') : t('{count} files', number);
    case 'row':
      return isSingle ? t('1 row') : t('{count} rows', number);
    case 'instruction pair':
      return isSingle ? t('1 instruction pair') : t('{count} instruction pairs', number);
    default:
      return isSingle ? t('1 document') : t('{count} documents', number);
  }
}
const filesOrFolders = (count: number): string =>
  count === 1 ? t('1 file or folder') : t('{count} files or folders', { count: whole(count) });

/** Unknown reasons, written by a newer version, are shown by their name. */
const reasonText: Record<string, string | undefined> = reasons;

interface CorpusView {
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
    .map(([reason, count]) => ({ reason: tKnown(reasonText[reason] ?? reason), count }))
    .sort((a, b) => b.count - a.count || a.reason.localeCompare(b.reason));
  const word = documentWord(spec.folder, spec.corpus);
  const out = leftOut.reduce((sum, { count }) => sum + count, 0);
  return {
    sentence: t('{kept} kept ({trained} tokens to train on, {heldOut} held out); {out} left out.', {
      kept: documents(corpus.kept, word),
      trained: roughly(corpus.trainTokens),
      heldOut: roughly(corpus.heldOutTokens),
      out: word === 'file' ? filesOrFolders(out) : documents(out, word),
    }),
    leftOut,
  };
}
