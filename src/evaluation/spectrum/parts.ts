/** Measures parts of a run's change (part-files.ts), each like a checkpoint of the run and on the same items. */
import { createHash } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { examine } from '../../base-models/checksums.ts';
import { elementCount, openGguf } from '../../gguf/index.ts';
import { artefactName, type RunSpec } from '../../protocol/run.ts';
import { readSpec, resultStep } from '../../runs/index.ts';
import { startBackend } from '../../tensor/index.ts';
import { exportModelGguf } from '../../weights/index.ts';
import type { LazyValues } from '../../weights/values.ts';
import { writeRows } from '../evaluate-run.ts';
import { Evaluation, toCancelled } from '../measure.ts';
import { lazyCorpus, Resources, runSubject, type Subject } from '../resources.ts';
import { chooseTasks, contextTokens } from '../tasks/index.ts';
import { lowRankPart } from './low-rank.ts';
import { partDir, partName, partsDir, partTasks, readParts, type Part } from './part-files.ts';
import { openWeights } from './weights.ts';

/** Version of how parts are made, which a score in the cache depends on. */
const VERSION = 1;

export interface PartsOptions {
  onProgress?: ((progress: { done: number; total: number }) => void) | undefined;
  signal?: AbortSignal | undefined;
}

/**
 * Measures the parts that are not measured yet. A rank that no linear layer exceeds is left out. Errors:
 * run-not-finished, base-checksum, cancelled, those of the tasks. Throws an Error for a rank of an adapter.
 */
export async function measureParts(
  dir: string,
  parts: readonly Part[],
  { onProgress, signal }: PartsOptions = {},
): Promise<void> {
  const spec = await readSpec(dir);
  const step = await resultStep(dir);
  await mkdir(partsDir(dir), { recursive: true });
  await removeModels(dir);
  const known = await readParts(dir, step);
  const pending = parts.filter((part) => !known.has(partName(part)));
  try {
    for (const [done, part] of pending.entries()) {
      onProgress?.({ done, total: pending.length });
      await measurePart(dir, spec, { step, part, signal });
    }
  } catch (error) {
    throw toCancelled(error, signal);
  }
  onProgress?.({ done: pending.length, total: pending.length });
}

interface PartContext {
  step: number;
  part: Part;
  signal: AbortSignal | undefined;
}

async function measurePart(dir: string, spec: RunSpec, { step, part, signal }: PartContext): Promise<void> {
  const name = partName(part);
  const names = partTasks(part);
  const isAdapter = spec.hyper.method === 'lora';
  if (isAdapter && 'rank' in part) throw new Error('an adapter has a low rank already');
  // An adapter can be scored at any strength as it is.
  const file = isAdapter ? undefined : join(partsDir(dir), `${name}.gguf`);
  const subject = runSubject(dir, spec);
  if (file && !(await writeModel(file, dir, spec, { step, part, signal }))) return;
  const resources = new Resources(
    file ? await subjectAt(file, subject, part) : subject,
    contextTokens(chooseTasks(names)),
  );
  const corpus = lazyCorpus(dir);
  try {
    const model = await resources.result(isAdapter && 'strength' in part ? part.strength : 1);
    const evaluation = new Evaluation(chooseTasks(names), { tasks: names, signal }, resources);
    await mkdir(join(partDir(dir, name), 'evaluation'), { recursive: true });
    for await (const { of } of evaluation.measure([resources.base, model], { spec, corpus }))
      if (of) await writeRows(partDir(dir, name), step, of);
  } finally {
    await resources.dispose();
    if (file) await rm(file, { force: true });
  }
}

/**
 * The whole model in `file`. Low ranks are measured in f32 even for a run in bf16, whose rounding is larger than much
 * of what they leave out.
 */
async function subjectAt(file: string, subject: Subject, part: Part): Promise<Subject> {
  const { id, modelPath } = subject.result!;
  const { sha256 } = await examine(modelPath!);
  const digest = createHash('sha256')
    .update(`${sha256} ${partName(part)} v${VERSION}`)
    .digest('hex');
  return {
    ...subject,
    ...('rank' in part && { precision: 'f32' as const }),
    result: { id: `${id}, ${partName(part)}`, modelPath: file, sha256: digest },
  };
}

/** Writes the part of a full fine-tuning as a model, one matrix at a time. False if it would be all of the change. */
async function writeModel(
  file: string,
  dir: string,
  spec: RunSpec,
  measuring: PartContext,
): Promise<boolean> {
  const { part } = measuring;
  if ('rank' in part) return writeTruncated(file, dir, spec, { ...measuring, rank: part.rank });
  const { strength } = part;
  const trained = await openGguf(join(dir, artefactName(spec)));
  const base = await openGguf(spec.base.path);
  try {
    const values = new Map(
      [...base.tensors].map(([name, { shape }]): [string, LazyValues] => {
        const read = async () => {
          const [from, to] = [await base.readF32(name), await trained.readF32(name)];
          for (let i = 0; i < from.length; i += 1) from[i]! += strength * (to[i]! - from[i]!);
          return from;
        };
        return [name, { length: elementCount(shape), read }];
      }),
    );
    await exportModelGguf(file, spec.base.path, values, { type: 'F32', signal: measuring.signal });
  } finally {
    await base.close();
    await trained.close();
  }
  return true;
}

async function writeTruncated(
  file: string,
  dir: string,
  spec: RunSpec,
  { step, rank, signal }: PartContext & { rank: number },
): Promise<boolean> {
  const weights = await openWeights(dir, spec, step);
  try {
    const { linears } = weights;
    if (rank < Infinity && linears.every(({ shape }) => Math.min(...shape) <= rank)) return false;
    const backend = await startBackend(spec.backend, { ...spec, orOther: true });
    const values = new Map(
      linears.map((linear): [string, LazyValues] => {
        const read = async () => {
          const sum = await weights.base(linear);
          const kept = await lowRankPart(backend, await weights.change(linear), rank);
          for (let i = 0; i < sum.length; i += 1) sum[i]! += kept[i]!;
          return sum;
        };
        return [`${linear.name}.weight`, { length: linear.shape[0] * linear.shape[1], read }];
      }),
    );
    await exportModelGguf(file, spec.base.path, values, { type: 'F32', signal });
  } finally {
    await weights.close();
  }
  return true;
}

/** Removes models that a killed process has left. */
async function removeModels(dir: string): Promise<void> {
  for (const name of await readdir(partsDir(dir)))
    if (/\.gguf($|\.)/.test(name)) await rm(join(partsDir(dir), name), { force: true });
}
