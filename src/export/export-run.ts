/**
 * Exports a run's result, or a checkpoint, for other programs. The file is written, checked with llama.cpp, and only
 * then moved to its destination.
 */
import { existsSync } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { basename, dirname, join, posix, resolve, win32 } from 'node:path';
import { requireSameBase } from '../base-models/checksums.ts';
import { findSameBase } from '../base-models/registry.ts';
import { pathWithin } from '../corpus/reading/folders.ts';
import { elementCount, withGguf } from '../gguf/index.ts';
import { readConfig } from '../model/index.ts';
import { sha256Of } from '../platform/files/checksum.ts';
import { requireSpace } from '../platform/files/disk.ts';
import { UserError, reasonOf } from '../text/errors.ts';
import { joinTexts, msg, type Text, withTexts } from '../text/message.ts';
import {
  describeCheck,
  describeTarget,
  type ExportCheck,
  type ExportRecord,
  type ExportRequest,
  type ExportTarget,
} from '../protocol/export.ts';
import { openRegular } from '../platform/files/regular-file.ts';
import { removeFolder, renamePatiently } from '../platform/files/write-file.ts';
import { artefactName, type RunSpec } from '../protocol/run.ts';
import { readSpec, resultStep } from '../runs/index.ts';
import { exportsPath } from '../runs/files.ts';
import { makeTemporaryFolder } from '../runs/temporary-folders.ts';
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
import { exportModelGguf, modelBytes, type ModelOptions } from '../weights/model.ts';
import { PEFT_CONFIG, PEFT_WEIGHTS, writePeft } from '../weights/peft.ts';
import { readPeft } from '../weights/read-peft.ts';
import { readAdapterStrength } from '../weights/strength.ts';
import { namingNote, applyNaming } from '../weights/transformers.ts';
import type { LazyValues } from '../weights/values.ts';

export interface ExportOptions {
  onProgress?: (phase: string, done: number, total: number) => void;
  signal?: AbortSignal | undefined;
}

/** An export in progress. */
interface ExportJob {
  spec: RunSpec;
  request: ExportRequest;
  /** adapter.gguf or model.gguf. */
  artefact: string;
  /** A folder on the same file system as the output, so that the result can be moved by rename. */
  folder: string;
  tokens: Int32Array;
  signal: AbortSignal | undefined;
}

/**
 * Writes the export, checks it, moves it to its destination, and records the check in the run's exports.jsonl. Errors:
 * those of reading a run; run-not-finished; bad-argument (a target that does not suit the method, a missing checkpoint,
 * an output that can't be replaced); base-checksum; disk-full; export-mismatch, in which case nothing is written to the
 * output; cancelled.
 */
export async function exportRun(
  dir: string,
  request: ExportRequest,
  { onProgress, signal }: ExportOptions = {},
): Promise<ExportRecord> {
  const spec = await readSpec(dir);
  checkRequest(spec, request, dir);
  await requireSameBase(spec.base, msg`this run`, msg`Put that file back, then export again.`);
  // Fail before anything is computed.
  if (request.names) await withGguf(spec.base.path, (gguf) => applyNaming(readConfig(gguf), request.names));
  const output = resolve(request.output);
  const folder = await makeTemporaryFolder(dirname(output), 'exporting');
  const steps = request.to === 'gguf-adapter' ? 2 : 3;
  const report = (phase: string, done: number) => {
    signal?.throwIfAborted();
    onProgress?.(phase, done, steps);
  };
  try {
    if (request.to === 'gguf-merged') await requireRoom(spec, request, output);
    report('Computing with the trainer', 0);
    const { artefact, step, strength } = await locateArtefact(dir, spec, request, folder);
    const job: ExportJob = {
      spec,
      request,
      artefact,
      folder,
      signal,
      tokens: await checkTokens(dir, spec.base.path),
    };
    const method = spec.hyper.method === 'lora' ? { adapterPath: artefact } : { modelPath: artefact };
    const { base, backend, device, planned } = spec;
    const rows = await trainedRows({ base, backend, device, planned, ...method }, job.tokens);
    report('Writing', 1);
    const staged = join(folder, 'written');
    const note = await writeExport(job, staged);
    report('Checking with llama.cpp', 2);
    const check = await checkExport(job, staged, rows);
    const weights = request.to === 'peft' ? join(staged, PEFT_WEIGHTS) : staged;
    const record: ExportRecord = {
      time: new Date().toISOString(),
      to: request.to,
      ...(request.to === 'gguf-merged' && { type: request.type ?? 'F16' }),
      step,
      ...(strength !== undefined && { strength }),
      path: output,
      bytes: (await stat(weights)).size,
      sha256: await sha256Of(weights),
      check,
    };
    signal?.throwIfAborted();
    if (check.ok) await moveTo(output, staged, request.to);
    const warning = await recordExport(dir, record);
    if (!check.ok) throw mismatch(record);
    report('Done', steps);
    return {
      ...record,
      ...withTexts({ warning, note }),
    };
  } catch (error) {
    if (!signal?.aborted) throw error;
    const next = msg`Run the same command again; nothing was left behind.`;
    throw new UserError('cancelled', msg`The export was stopped.`, next, { cause: error });
  } finally {
    // The export is done; a folder that is left is removed by the next one.
    await removeFolder(folder).catch(() => undefined);
  }
}

/** Throws UserError `bad-argument`. Pure. */
export function checkRequest(
  { hyper, id, base }: Pick<RunSpec, 'hyper' | 'id' | 'base'>,
  { to, output }: Pick<ExportRequest, 'to' | 'output'>,
  dir: string,
  platform = process.platform,
): void {
  if (hyper.method === 'full' && to !== 'gguf-merged')
    throw new UserError(
      'bad-argument',
      msg`Run ${id} trained all weights, so there is no adapter to export.`,
      msg`Use --to gguf-merged, which writes the trained model.`,
    );
  const paths = platform === 'win32' ? win32 : posix;
  const [place, folder] = [paths.resolve(output), paths.resolve(dir)];
  const inside = paths.relative(folder, place) === '' || pathWithin(folder, place, platform) !== undefined;
  if (place === paths.resolve(base.path) || inside)
    throw new UserError(
      'bad-argument',
      msg`${place} is ${inside ? "inside the run's folder" : "the run's base"}, which an export must not change.`,
      msg`Name another place with -o.`,
    );
}

/** Throws UserError `disk-full` if a whole model does not fit beside its output. */
async function requireRoom(
  { base }: RunSpec,
  { type = 'F16' }: ExportRequest,
  output: string,
): Promise<void> {
  const bytes = await withGguf(base.path, (gguf) => modelBytes(gguf, type));
  await requireSpace(output, bytes, msg`Free some space, or name a place on another disk with -o.`);
}

interface Artefact {
  artefact: string;
  /** Of its weights. */
  step: number;
  /** undefined for a full fine-tune. */
  strength: number | undefined;
}

/** The file to export: the result's, or one made from a checkpoint, which is as it was trained. */
async function locateArtefact(
  dir: string,
  spec: RunSpec,
  { checkpoint }: ExportRequest,
  folder: string,
): Promise<Artefact> {
  const isLora = spec.hyper.method === 'lora';
  if (checkpoint === undefined) {
    const artefact = join(dir, artefactName(spec));
    if (existsSync(artefact)) {
      const strength = isLora ? await readAdapterStrength(dir, spec) : undefined;
      return { artefact, step: await resultStep(dir), strength };
    }
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
  return { artefact, step: checkpoint, strength: isLora ? 1 : undefined };
}

/** Returns a note about the file for the user, if any. */
async function writeExport(
  { spec, request, artefact, signal }: ExportJob,
  path: string,
): Promise<Text | undefined> {
  const { base, hyper } = spec;
  const options = { type: request.type ?? 'F16', signal };
  if (hyper.method === 'full') {
    await exportFullModel(path, base.path, artefact, options);
    return undefined;
  }
  return withGguf(base.path, async (gguf) => {
    const adapter = await readAdapterGguf(artefact, gguf);
    if (request.to === 'peft') {
      const config = applyNaming(readConfig(gguf), request.names);
      const baseName = request.baseName ?? findSameBase(base)?.transformers;
      await writePeft(path, adapter, { config, hyper, baseName: baseName ?? base.id });
      const notes = [namingNote(config), baseName === undefined ? unknownName(base.id) : undefined];
      const told = notes.filter((note) => note !== undefined);
      return told.length > 0 ? joinTexts(told) : undefined;
    }
    if (request.to === 'gguf-merged') await exportMergedGguf(path, base.path, adapter, options);
    else await exportAdapterGguf(path, { ...adapter, baseSha256: base.sha256 });
    return undefined;
  });
}

const unknownName = (id: string) =>
  msg`Its adapter_config.json names the base "${id}". If transformers knows it by another name, write that there, or export again with --base-name.`;

/** Writes a full fine-tune's model in another type. */
async function exportFullModel(
  path: string,
  basePath: string,
  model: string,
  options: ModelOptions,
): Promise<void> {
  return withGguf(model, async (trained) => {
    const readLazily = (name: string, shape: readonly number[]): LazyValues => ({
      length: elementCount(shape),
      read: () => trained.readF32(name),
    });
    const replaced = [...trained.tensors].map(
      ([name, { shape }]) => [name, readLazily(name, shape)] as const,
    );
    await exportModelGguf(path, basePath, new Map(replaced), options);
  });
}

/**
 * Checks what llama.cpp computes from the written files: a model alone, or an adapter on its unchanged base, because
 * merging it for the check would take more memory and disk than the training did.
 */
async function checkExport(
  job: ExportJob,
  staged: string,
  rows: Pick<Distributions, 'trained' | 'base'>,
): Promise<ExportCheck> {
  const { spec, request, tokens, signal } = job;
  if (request.to === 'gguf-merged') {
    const { model } = await servedRows(staged, undefined, tokens, signal);
    const exact = (request.type ?? 'F16') === 'F16';
    return judge({ ...rows, written: model }, exact ? EXACT_LIMIT : QUANTISED_LIMIT);
  }
  const adapter = request.to === 'peft' ? await readBack(job, staged) : staged;
  const { model, adapted } = await servedRows(spec.base.path, adapter, tokens, signal);
  return judge({ trained: rows.trained, base: model, written: adapted }, QUANTISED_LIMIT);
}

/** Reads the PEFT folder back like a foreign one, as an adapter for llama.cpp. */
async function readBack({ spec: { base }, folder }: ExportJob, staged: string): Promise<string> {
  const { adapter } = await withGguf(base.path, (gguf) => readPeft(staged, gguf));
  const path = join(folder, 'read-back.gguf');
  await exportAdapterGguf(path, { ...adapter, baseSha256: base.sha256 });
  return path;
}

async function moveTo(output: string, staged: string, to: ExportTarget): Promise<void> {
  try {
    if (to !== 'peft') return await renamePatiently(staged, output);
    await mkdir(output, { recursive: true });
    for (const name of [PEFT_WEIGHTS, PEFT_CONFIG])
      await renamePatiently(join(staged, name), join(output, name));
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
 * Records the export in the run. If that fails, the exported file exists nevertheless, so this only returns a warning.
 */
async function recordExport(dir: string, record: ExportRecord): Promise<Text | undefined> {
  try {
    const file = await openRegular(exportsPath(dir), 'a+');
    await file.appendFile(`${JSON.stringify(record)}\n`).finally(() => file.close());
    return undefined;
  } catch (error) {
    return msg`It is not listed among the run's exports: ${reasonOf(error)}`;
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
