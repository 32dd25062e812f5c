/** One run from its run.json to its artefact: corpus, training with held-out evaluations, export, evaluation. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { buildCorpus, openCorpus, type Corpus } from '../corpus/index.ts';
import { windows } from '../corpus/packing.ts';
import { examine } from '../base-models/checksums.ts';
import { openTokenizer } from '../base-models/tokenizer.ts';
import { openGguf } from '../gguf/index.ts';
import { loadModel, type Model } from '../model/index.ts';
import { UserError } from '../protocol/errors.ts';
import type { RunSpec, RunStatus } from '../protocol/run.ts';
import { readRun, readSpec, readState } from '../runs/index.ts';
import type { RunWriter } from '../runs/writer.ts';
import { startBackend, type Backend } from '../tensor/index.ts';
import { listCheckpoints, restoreCheckpoint, saveCheckpoint } from './checkpoints.ts';
import { runEvaluator } from './evaluator-child.ts';
import { exportResult } from './export-result.ts';
import { measureHeldOut } from './held-out.ts';
import { diverged, runLoop, type StepReport } from './loop.ts';
import { createOptimizer, type Optimizer } from './optimizers.ts';
import { Eta } from './eta.ts';

interface Session {
  dir: string;
  spec: RunSpec;
  writer: RunWriter;
  signal: AbortSignal;
  backend: Backend;
  corpus: Corpus;
  model: Model;
  optimizer: Optimizer;
}

/** Says what the run does now. */
type Phase = (name: string) => Promise<void>;

/** Returns how it ended; throws UserError for what the person can mend. */
export async function trainRun(dir: string, writer: RunWriter, signal: AbortSignal): Promise<RunStatus> {
  const spec = await readSpec(dir);
  // Somebody changed their mind before this process had taken the run.
  if ((await readState(dir)).status === 'cancelled') return 'cancelled';
  const started = performance.now();
  const phase: Phase = async (name) => {
    await writer.event({ type: 'phase', phase: name });
    await writer.state({ status: 'running', phase: name });
  };

  const corpus = await readOrBuildCorpus(dir, spec, writer, signal, phase);
  if (signal.aborted) return 'cancelled';

  await phase('Loading the model');
  const backend = await startBackend(spec.backend);
  await checkBase(spec);
  const gguf = await openGguf(spec.base.path);
  const model = await loadModel(backend, gguf, spec.hyper);
  await gguf.close();
  const optimizer = createOptimizer(model, spec.hyper);
  const session: Session = { dir, spec, writer, signal, backend, corpus, model, optimizer };

  const { step, tokensPerSecond } = await trainSession(session, phase);
  if (signal.aborted && step < spec.hyper.steps) return 'cancelled';

  await phase('Writing the result');
  const artefact = await exportResult(dir, spec, model);
  const peakMemory = peakMemoryBytes();
  // The evaluator wants the memory.
  optimizer.dispose();
  model.dispose();

  await writer.event({ type: 'phase', phase: 'Evaluating' });
  await writer.state({ status: 'evaluating', phase: 'Evaluating', etaSeconds: undefined });
  await runEvaluator(dir, writer, signal);
  const seconds = (performance.now() - started) / 1000;
  await writer.event({ type: 'done', step, tokensPerSecond, peakMemory, seconds, artefact });
  return 'done';
}

/** Another file under the same name would train on without an error and be wrong. */
async function checkBase({ base }: RunSpec): Promise<void> {
  if ((await examine(base.path)).sha256 === base.sha256) return;
  throw new UserError(
    'base-checksum',
    `${base.path} is not the file that this run began with.`,
    'Put that file back, or train anew on this one.',
  );
}

async function readOrBuildCorpus(
  dir: string,
  spec: RunSpec,
  writer: RunWriter,
  signal: AbortSignal,
  phase: Phase,
): Promise<Corpus> {
  const out = join(dir, 'corpus');
  // The summary is written last: with it, the corpus is whole.
  if (!existsSync(join(out, 'summary.json'))) {
    await phase('Reading files');
    const tokenizer = await openTokenizer(spec.base.path);
    try {
      await buildCorpus({ folder: spec.folder, out, tokenizer, seed: spec.hyper.seed, signal });
    } finally {
      await tokenizer.dispose();
    }
  }
  const corpus = await openCorpus(out);
  if (corpus.train.length < spec.hyper.sequenceLength)
    await writer.event({
      type: 'warning',
      message: `The corpus has only ${corpus.train.length} training tokens; sequences repeat from the first step on.`,
    });
  return corpus;
}

/** Restores, trains, evaluates at intervals. Returns the last step and the median speed. */
async function trainSession(
  session: Session,
  phase: Phase,
): Promise<{ step: number; tokensPerSecond: number }> {
  const { dir, spec, writer, signal, backend, corpus, model, optimizer } = session;
  const { hyper } = spec;
  const restored = await restoreCheckpoint(dir, model, optimizer);
  for (const bad of restored?.damaged ?? [])
    await writer.event({
      type: 'warning',
      message: `Checkpoint ${bad} could not be read and was passed over.`,
    });
  if (restored?.backend && restored.backend !== backend.name)
    await writer.event({
      type: 'warning',
      message: `Resumed on ${backend.name} from a checkpoint made on ${restored.backend}: close, but not bit for bit.`,
    });
  const from = restored?.step ?? 0;
  await writer.event({
    type: 'start',
    backend: backend.name,
    backendReason: backend.reason,
    step: from,
    steps: hyper.steps,
    trainableParameters: model.parameterCount,
    trainTokens: corpus.train.length,
    heldOutTokens: corpus.heldOut.length,
  });

  await phase(from ? `Training, resumed at step ${from}` : 'Training');
  const heldOut = windows(corpus.heldOut, hyper.sequenceLength, {
    count: Math.min(LIVE_WINDOWS, spec.evaluation.heldOutWindows),
  });
  const eta = new Eta(hyper.steps, hyper.evalEvery);
  const evaluate = async (step: number) => {
    const began = performance.now();
    const result = await measureHeldOut(model, heldOut, signal);
    if (result && !Number.isFinite(result.value))
      throw diverged(step, 'the held-out loss is no longer a number');
    if (result) await writer.event({ type: 'evaluation', step, result });
    eta.evaluation((performance.now() - began) / 1000);
  };
  const checkpoint = async (step: number) => {
    const path = await saveCheckpoint(dir, step, backend.name, model, optimizer);
    await writer.event({ type: 'checkpoint', step, path });
  };

  if (from === 0) await evaluate(0);
  const onStep = async (report: StepReport) => {
    const { step, loss, learningRate, gradientNorm } = report;
    const etaSeconds = eta.step(step, report.seconds);
    const tokensPerSecond = report.tokens / report.seconds;
    await writer.event({
      type: 'step',
      step,
      loss,
      learningRate,
      gradientNorm,
      tokensPerSecond,
      peakMemory: peakMemoryBytes(),
      etaSeconds,
    });
    await writer.state({ step, etaSeconds });
    if (step % hyper.evalEvery !== 0 && step !== hyper.steps) return;
    // Measured first: weights that give no number are not worth keeping.
    await evaluate(step);
    await checkpoint(step);
  };
  let step: number;
  try {
    step = await runLoop({ hyper, model, optimizer, tokens: corpus.train, from, signal, onStep });
  } catch (error) {
    throw await withLastCheckpoint(error, dir);
  }
  if (step < hyper.steps && step > from && step % hyper.evalEvery !== 0) await checkpoint(step);
  return {
    step,
    tokensPerSecond: eta.secondsPerStep
      ? (hyper.batch * hyper.accumulate * hyper.sequenceLength) / eta.secondsPerStep
      : await earlierSpeed(dir),
  };
}

/** Of the process that made the last step: a run that was only evaluated anew trained nothing in this one. */
async function earlierSpeed(dir: string): Promise<number> {
  const { events } = await readRun(dir);
  return events.findLast((event) => event.type === 'step')?.tokensPerSecond ?? 0;
}

/** Held-out windows looked at during training; the evaluator takes them all at the end. */
const LIVE_WINDOWS = 4;

/** Says which checkpoint a diverged run still has. */
async function withLastCheckpoint(error: unknown, dir: string): Promise<unknown> {
  if (!(error instanceof UserError) || error.code !== 'diverged') return error;
  const last = (await listCheckpoints(dir)).at(-1);
  const kept =
    last === undefined ? 'no checkpoint had been written yet' : `the checkpoint of step ${last} is kept`;
  return new UserError('diverged', `${error.message}; ${kept}.`, error.next);
}

const peakMemoryBytes = () => process.resourceUsage().maxRSS * 1024;
