/** Trains one run, from its run.json to its result file: corpus, training with held-out evaluations, export. */
import { join } from 'node:path';
import type { Corpus } from '../corpus/index.ts';
import { requireSameBase } from '../base-models/checksums.ts';
import { openGguf } from '../gguf/index.ts';
import { initialValues, loadModel, readConfig, type ModelConfig } from '../model/index.ts';
import type { RunSpec } from '../protocol/run.ts';
import type { TrainedResult } from '../protocol/training.ts';
import { readRun, readSpec } from '../runs/index.ts';
import type { RunWriter } from '../runs/writer.ts';
import { startBackend, type Backend } from '../tensor/index.ts';
import { availableMemory } from '../platform/machine/available-memory.ts';
import { requireRunSpace } from './checkpoints/disk.ts';
import { refitRun } from './memory/fit-again.ts';
import { planDevice, type DevicePlan, type PlannedDevice } from './memory/device.ts';
import { lackAtCheckpoints } from './memory/fit.ts';
import { planRun, type BaseSizes, type Measuring } from './memory/plan.ts';
import { storedBytesOf } from './memory/stored.ts';
import { earlierValues, placeEarlierAdapter } from './continued.ts';
import { listCheckpoints, restoreInitialWeights } from './checkpoints/store.ts';
import { Optimizer } from './optimizers.ts';
import { trainOnRay } from './ray-train/run.ts';
import { settleRate } from './learning-rate/settle-rate.ts';
import { lossRows } from '../model/loss-head.ts';
import { lossTokens } from './loss-tokens.ts';
import { runCorpus, trainingSequences } from './run-corpus.ts';
import { makeResult } from './run-result.ts';
import { peakMemoryBytes, Session, type SessionOptions } from './session.ts';
import { matmulRate, operationsPerToken } from './operations.ts';
import { english, msg, type Text, withTexts } from '../text/message.ts';

/** Reports what the run is doing. */
type Phase = (name: string) => Promise<void>;

/** Returns the result; undefined if it was stopped. Throws UserError for problems that the user can solve. */
export async function trainRun(
  dir: string,
  writer: RunWriter,
  signal: AbortSignal,
): Promise<TrainedResult | undefined> {
  const spec = await readSpec(dir);
  const phase: Phase = async (name) => {
    await writer.event({ type: 'phase', phase: name });
    await writer.state({ status: 'running', phase: name });
  };

  const corpusDir = join(dir, 'corpus');
  const corpus = await runCorpus(corpusDir, spec, { signal, phase });
  if (signal.aborted) return undefined;
  await requireSameBase(
    spec.base,
    msg`this run`,
    msg`Put that file back, or start a new training run on this one.`,
  );
  await placeEarlierAdapter(dir, spec);
  const { warnings, close, ...sequences } = await trainingSequences(corpusDir, corpus, spec, {
    signal,
    phase,
  });
  try {
    if (signal.aborted) return undefined;
    await warnAboutCorpus(corpus, warnings, dir, spec, writer);
    if (spec.engine)
      return await trainOnRay({ dir, spec, writer, signal, phase, corpus, sequences }, spec.engine);
    return await trainOn({ dir, spec, writer, signal, phase, corpus, sequences });
  } finally {
    await close();
  }
}

async function trainOn(
  options: Pick<SessionOptions, 'dir' | 'spec' | 'writer' | 'signal' | 'phase' | 'corpus' | 'sequences'>,
): Promise<TrainedResult | undefined> {
  const { dir, writer, phase } = options;
  await phase('Loading the model');
  const hasStarted = (await listCheckpoints(dir)).length > 0;
  // A run that has started continues even if its GPU is gone.
  const backend = await startBackend(options.spec.backend, { ...options.spec, orOther: hasStarted });
  const gguf = await openGguf(options.spec.base.path);
  const config = readConfig(gguf);
  await requireRunSpace(dir, { ...options.spec, config });
  const sizes: BaseSizes = {
    baseBytes: gguf.size,
    storedBytes: backend.compound.keepsQuantised ? storedBytesOf(gguf.tensors) : undefined,
    onDevice: backend.device && !backend.device.shared,
  };
  const fittedSpec = await refitRun(
    config,
    await adaptToBackend(options.spec, backend, writer),
    { backend, sizes },
    writer,
  );
  await emitMemoryPlan(writer, config, fittedSpec, { backend: backend.name, ...sizes }, backend.device);
  const tokens = lossTokens(options.corpus, config, fittedSpec.hyper);
  const model = await loadModel(backend, gguf, { ...fittedSpec.hyper, lossTokens: tokens });
  await phase('Measuring the machine');
  const rate = {
    perToken: operationsPerToken(model.config, fittedSpec.hyper, {
      trainedParameters: model.parameterCount,
      headRows: tokens && lossRows(tokens.length, config.vocabularySize),
    }),
    perSecond: await matmulRate(backend, fittedSpec.hyper.precision),
  };
  const earlier = await earlierValues(dir, fittedSpec);
  const initial: SessionOptions['initial'] =
    earlier ?? ((parameter) => initialValues(gguf, parameter, fittedSpec.hyper));
  if (earlier) await restoreInitialWeights({ model, initial });
  const learningRate = await settleRate({ ...options, spec: fittedSpec, model, rate });
  const hyper = { ...fittedSpec.hyper, learningRate };
  const spec: RunSpec = { ...fittedSpec, hyper };
  const optimizer = new Optimizer(model, hyper);
  const session = new Session({
    ...options,
    spec,
    backend,
    sizes,
    model,
    optimizer,
    initial,
    rate,
  });

  const trained = await session.train();
  await gguf.close();
  const { step, tokensPerSecond } = trained;
  if (!trained.finished) return undefined;

  const artefact = await makeResult(trained, { ...options, spec, model });
  if (!artefact) return undefined;
  return { step, tokensPerSecond, peakMemory: peakMemoryBytes(), artefact };
}

/** Adapts the run to this backend: one that it was not planned for may lack its precision, and then computes in f32. */
async function adaptToBackend(
  spec: RunSpec,
  { name, precisions }: Pick<Backend, 'name' | 'precisions'>,
  writer: RunWriter,
): Promise<RunSpec> {
  const { planned = spec.backend, hyper } = spec;
  const { precision } = hyper;
  if (precision === 'f32' || precisions.some((supported) => supported === precision)) return spec;
  // Whether a GPU has f16 that works is known only once its driver was tested.
  if (precision === 'bf16' && planned === name) return spec;
  await writer.event({
    type: 'warning',
    ...withTexts({ message: msg`Computing in f32, as ${name} has no ${precision} here.` }),
  });
  return { ...spec, hyper: { ...hyper, precision: 'f32' } };
}

/** Emits the memory plan, to compare it with the measured peak later. */
async function emitMemoryPlan(
  writer: RunWriter,
  config: ModelConfig,
  { hyper, evaluation }: RunSpec,
  place: Omit<Measuring, 'atCheckpoints'>,
  gpu: PlannedDevice | undefined,
): Promise<void> {
  const atCheckpoints =
    evaluation.checkpointTasks.length > 0 && !lackAtCheckpoints(gpu, config, hyper, place.storedBytes);
  const { total, ...plan } = planRun(config, hyper, { ...place, atCheckpoints });
  const device =
    gpu && !gpu.shared && devicePlan(gpu, planDevice(config, hyper, { ...place, atCheckpoints }));
  await writer.event({
    type: 'memory' as const,
    plan,
    total,
    available: await availableMemory(),
    ...(device && { device }),
  });
}

function devicePlan({ name, memory }: PlannedDevice, { total, ...plan }: DevicePlan) {
  return { name, plan, total, ...(memory !== undefined && { memory }) };
}

/** Emits warnings about the corpus; each only once, even if the run is resumed. */
async function warnAboutCorpus(
  corpus: Corpus,
  further: readonly Text[],
  dir: string,
  { hyper }: RunSpec,
  writer: RunWriter,
) {
  const shortage =
    corpus.train.length < hyper.sequenceLength
      ? [
          msg`The corpus has only ${corpus.train.length} training tokens; sequences repeat from the first step on.`,
        ]
      : [];
  const { events } = await readRun(dir);
  const emitted = new Set(events.map((event) => (event.type === 'warning' ? event.message : '')));
  const { warnings, texts } = corpus.summary;
  for (const text of [...warnings.map((one, at) => texts?.[at] ?? one), ...shortage, ...further])
    if (!emitted.has(english(text))) await writer.event({ type: 'warning', ...withTexts({ message: text }) });
}
