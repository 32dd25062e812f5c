/**
 * Exports a run's result, or a checkpoint, for other programs. The file is written, checked with llama.cpp, and only
 * then gets its name.
 */
import { existsSync } from 'node:fs';
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { requireSameBase } from '../base-models/checksums.ts';
import { openGguf, type GgufFile } from '../gguf/index.ts';
import { readConfig } from '../model/index.ts';
import { sha256Of } from '../platform/files/checksum.ts';
import { UserError, whyOf } from '../text/errors.ts';
import { msg, type Text, told } from '../text/message.ts';
import {
  describeCheck,
  describeTarget,
  type ExportCheck,
  type ExportRecord,
  type ExportTarget,
  type MergedType,
  type PeftNames,
} from '../protocol/export.ts';
import { openRegular } from '../platform/files/regular-file.ts';
import { artefactName, type RunSpec } from '../protocol/run.ts';
import { readSpec, resultStep } from '../runs/index.ts';
import { exportsPath } from '../runs/files.ts';
import { makeUnfinished } from '../runs/unfinished.ts';
import { listCheckpoints } from '../training/checkpoints/store.ts';
import { exportCheckpoint } from '../training/export-result.ts';
import { exportAdapterGguf, readAdapterGguf } from '../weights/adapter.ts';
import {
  EXACT_LIMIT,
  judge,
  QUANTISED_LIMIT,
  servedRows,
  trainedRows,
  type Distributions,
} from './check-export.ts';
import { checkTokens } from './check-text.ts';
import { exportMergedGguf } from '../weights/merge.ts';
import { exportModelGguf, type ModelOptions } from '../weights/model.ts';
import { PEFT_CONFIG, PEFT_WEIGHTS, writePeft } from '../weights/peft.ts';
import { readPeft } from '../weights/read-peft.ts';
import { noteOfNames, withNames } from '../weights/transformers.ts';
import type { LazyValues } from '../weights/values.ts';

export interface ExportAsked {
  to: ExportTarget;
  /** Precision of a merged model. Default F16. */
  type?: MergedType | undefined;
  /** Path of the file; for PEFT, of the folder. */
  output: string;
  /** A checkpoint's step instead of the result. */
  checkpoint?: number | undefined;
  /** For PEFT: the name of the base that transformers loads. Default: the base's id. */
  baseName?: string | undefined;
  /** For PEFT, of a Gemma 3 that may see pictures. Default: as the base's metadata say. */
  names?: PeftNames | undefined;
}

export interface ExportOptions {
  onProgress?: (phase: string, done: number, total: number) => void;
  signal?: AbortSignal | undefined;
}

/** An export in progress. */
interface Work {
  spec: RunSpec;
  asked: ExportAsked;
  /** adapter.gguf or model.gguf. */
  artefact: string;
  /** A folder beside the output, so that a rename can move the result there. */
  folder: string;
  tokens: Int32Array;
  signal: AbortSignal | undefined;
}

/**
 * Writes the export, checks it, gives the file its name, and records the check in the run's exports.jsonl. Errors:
 * those of reading a run; run-not-finished; bad-argument (a target that does not suit the method, a missing checkpoint,
 * an output that can't be replaced); base-checksum; export-mismatch, and then nothing is written to the output;
 * cancelled.
 */
export async function exportRun(
  dir: string,
  asked: ExportAsked,
  { onProgress, signal }: ExportOptions = {},
): Promise<ExportRecord> {
  const spec = await readSpec(dir);
  checkAsked(spec, asked, dir);
  await requireSameBase(spec.base, msg`this run`, msg`Put that file back, then export again.`);
  // Before anything is computed.
  if (asked.names) await withGguf(spec.base.path, (gguf) => withNames(readConfig(gguf), asked.names));
  const output = resolve(asked.output);
  const folder = await makeUnfinished(dirname(output), 'exporting');
  const steps = asked.to === 'gguf-adapter' ? 2 : 3;
  const say = (phase: string, done: number) => {
    signal?.throwIfAborted();
    onProgress?.(phase, done, steps);
  };
  try {
    say('Computing with the trainer', 0);
    const { artefact, step } = await artefactOf(dir, spec, asked, folder);
    const work: Work = {
      spec,
      asked,
      artefact,
      folder,
      signal,
      tokens: await checkTokens(dir, spec.base.path),
    };
    const method = spec.hyper.method === 'lora' ? { adapterPath: artefact } : { modelPath: artefact };
    const { base, backend, device, planned } = spec;
    const rows = await trainedRows({ base, backend, device, planned, ...method }, work.tokens);
    say('Writing', 1);
    const written = join(folder, 'written');
    const about = await write(work, written);
    say('Checking with llama.cpp', 2);
    const check = await compare(work, written, rows);
    const weights = asked.to === 'peft' ? join(written, PEFT_WEIGHTS) : written;
    const record: ExportRecord = {
      time: new Date().toISOString(),
      to: asked.to,
      ...(asked.to === 'gguf-merged' && { type: asked.type ?? 'F16' }),
      step,
      path: output,
      bytes: (await stat(weights)).size,
      sha256: await sha256Of(weights),
      check,
    };
    signal?.throwIfAborted();
    if (check.ok) await moveTo(output, written, asked.to);
    const warning = await note(dir, record);
    if (!check.ok) throw mismatch(record);
    say('Done', steps);
    return {
      ...record,
      ...told({ warning, note: about }),
    };
  } catch (error) {
    if (!signal?.aborted) throw error;
    const next = msg`Run the same command again; nothing was left behind.`;
    throw new UserError('cancelled', msg`The export was stopped.`, next, { cause: error });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function checkAsked({ hyper, id, base }: RunSpec, { to, output }: ExportAsked, dir: string): void {
  if (hyper.method === 'full' && to !== 'gguf-merged')
    throw new UserError(
      'bad-argument',
      msg`Run ${id} trained all weights, so there is no adapter to export.`,
      msg`Use --to gguf-merged, which writes the trained model.`,
    );
  const place = resolve(output);
  const inside = !relative(resolve(dir), place).startsWith('..');
  if (place === resolve(base.path) || inside)
    throw new UserError(
      'bad-argument',
      msg`${place} is ${inside ? "inside the run's folder" : "the run's base"}, which an export must not change.`,
      msg`Name another place with -o.`,
    );
}

/** The result's file, or one made from a checkpoint, and the step of its weights. */
async function artefactOf(
  dir: string,
  spec: RunSpec,
  { checkpoint }: ExportAsked,
  folder: string,
): Promise<{ artefact: string; step: number }> {
  if (checkpoint === undefined) {
    const artefact = join(dir, artefactName(spec));
    if (existsSync(artefact)) return { artefact, step: await resultStep(dir) };
    const next = msg`Resume it with {resume ${spec.id}}, or export a checkpoint with --checkpoint STEP.`;
    throw new UserError('run-not-finished', msg`Run ${spec.id} has no result yet.`, next);
  }
  // Step 0 is the base.
  const steps = (await listCheckpoints(dir)).filter((step) => step > 0);
  if (!steps.includes(checkpoint))
    throw new UserError(
      'bad-argument',
      msg`Run ${spec.id} has no checkpoint of step ${checkpoint}.`,
      steps.length
        ? msg`It has checkpoints of steps ${steps.join(', ')}.`
        : msg`Leave out --checkpoint to export the result.`,
    );
  const artefact = join(folder, artefactName(spec));
  await exportCheckpoint(artefact, dir, spec, checkpoint);
  return { artefact, step: checkpoint };
}

/** Returns what is to know about the file, if anything. */
async function write({ spec, asked, artefact, signal }: Work, path: string): Promise<Text | undefined> {
  const { base, hyper } = spec;
  const options = { type: asked.type ?? 'F16', signal };
  if (hyper.method === 'full') {
    await exportWhole(path, base.path, artefact, options);
    return undefined;
  }
  return withGguf(base.path, async (gguf) => {
    const adapter = await readAdapterGguf(artefact, gguf);
    if (asked.to === 'peft') {
      const config = withNames(readConfig(gguf), asked.names);
      await writePeft(path, adapter, { config, hyper, baseName: asked.baseName ?? base.id });
      return noteOfNames(config);
    }
    if (asked.to === 'gguf-merged') await exportMergedGguf(path, base.path, adapter, options);
    else await exportAdapterGguf(path, { ...adapter, baseSha256: base.sha256 });
    return undefined;
  });
}

async function withGguf<T>(path: string, use: (gguf: GgufFile) => T | Promise<T>): Promise<T> {
  const gguf = await openGguf(path);
  try {
    return await use(gguf);
  } finally {
    await gguf.close();
  }
}

/** Writes a full fine-tune's model in another type. */
async function exportWhole(
  path: string,
  basePath: string,
  model: string,
  options: ModelOptions,
): Promise<void> {
  const trained = await openGguf(model);
  try {
    const lazily = (name: string, shape: readonly number[]): LazyValues => ({
      length: shape.reduce((product, size) => product * size, 1),
      read: () => trained.readF32(name),
    });
    const replaced = [...trained.tensors].map(([name, { shape }]) => [name, lazily(name, shape)] as const);
    await exportModelGguf(path, basePath, new Map(replaced), options);
  } finally {
    await trained.close();
  }
}

/**
 * Compares what llama.cpp computes from the written files: an adapter on its base, a model alone, or PEFT's folder
 * merged into the base.
 */
async function compare(
  work: Work,
  written: string,
  rows: Pick<Distributions, 'trained' | 'base'>,
): Promise<ExportCheck> {
  const { spec, asked, tokens, signal } = work;
  if (asked.to === 'gguf-adapter') {
    const { model, adapted } = await servedRows(spec.base.path, written, tokens, signal);
    return judge({ trained: rows.trained, base: model, written: adapted }, QUANTISED_LIMIT);
  }
  const file = asked.to === 'peft' ? await mergePeft(work, written) : written;
  const { model } = await servedRows(file, undefined, tokens, signal);
  const exact = asked.to === 'peft' || (asked.type ?? 'F16') === 'F16';
  return judge({ ...rows, written: model }, exact ? EXACT_LIMIT : QUANTISED_LIMIT);
}

/** Reads PEFT's folder back like one from elsewhere, and merges it into the base in half precision. */
async function mergePeft({ spec, folder, signal }: Work, written: string): Promise<string> {
  const base = await openGguf(spec.base.path);
  try {
    const { adapter } = await readPeft(written, base);
    const path = join(folder, 'merged.gguf');
    await exportMergedGguf(path, spec.base.path, adapter, { type: 'F16', signal });
    return path;
  } finally {
    await base.close();
  }
}

async function moveTo(output: string, written: string, to: ExportTarget): Promise<void> {
  try {
    if (to !== 'peft') return await rename(written, output);
    await mkdir(output, { recursive: true });
    for (const name of [PEFT_WEIGHTS, PEFT_CONFIG]) await rename(join(written, name), join(output, name));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new UserError(
      'bad-argument',
      msg`${output} can't be replaced by the export (${code ?? message}).`,
      msg`Name ${to === 'peft' ? 'a folder' : 'a file'} with -o.`,
      { cause: error },
    );
  }
}

/**
 * Records the export in the run. If that fails, the exported file exists all the same, so this only returns a warning.
 */
async function note(dir: string, record: ExportRecord): Promise<Text | undefined> {
  try {
    const file = await openRegular(exportsPath(dir), 'a+');
    await file.appendFile(`${JSON.stringify(record)}\n`).finally(() => file.close());
    return undefined;
  } catch (error) {
    return msg`It is not listed among the run's exports: ${whyOf(error)}`;
  }
}

function mismatch(record: ExportRecord): UserError {
  const { check, path } = record;
  return new UserError(
    'export-mismatch',
    msg`The ${describeTarget(record)} does not match the trained model, so ${basename(path)} was not written: ${describeCheck(check)}.`,
    msg`Evaluate the run again; if the problem remains, report it.`,
  );
}
