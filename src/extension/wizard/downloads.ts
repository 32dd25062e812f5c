/** What a fine-tuning still needs from the network, and what it weighs. */
import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { findKnownBase, placesOf } from '../../base-models/registry.ts';
import type { DoctorReport } from '../../protocol/doctor.ts';

export interface Download {
  name: string;
  /** 0 when it isn't known yet. */
  bytes: number;
  from: string;
  /** Without it nothing goes. */
  needed: boolean;
  /** Arguments of the command line that fetch it. */
  command: string[];
}

/** TensorFlow's wheel for CPUs; the command line says the exact size as it goes. */
const TENSORFLOW_BYTES = 274e6;

/** @param backend the setting: who wants wasm needs no TensorFlow */
export function missingParts(base: string, report: DoctorReport, backend: string): Download[] {
  const tensorflow = backend === 'wasm' ? [] : missingRuntime(report);
  return [...missingBase(base, report), ...tensorflow];
}

export function missingRuntime({ backends }: DoctorReport): Download[] {
  const tensorflow = backends.find(({ name }) => name === 'tensorflow');
  // No command: this machine can't have it, or it is there.
  if (!tensorflow?.command || tensorflow.starts) return [];
  return [
    {
      name: 'TensorFlow',
      bytes: TENSORFLOW_BYTES,
      from: 'PyPI',
      needed: false,
      command: ['runtime', 'install', '--yes'],
    },
  ];
}

function missingBase(base: string, { models }: DoctorReport): Download[] {
  if (existsSync(base)) return [];
  const known = findKnownBase(base);
  if (known && models.some(({ path }) => basename(path) === known.file)) return [];
  return [
    {
      name: known?.name ?? base,
      bytes: known?.bytes ?? 0,
      from: known ? placesOf(known) : 'the hub',
      needed: true,
      command: ['models', 'fetch', base],
    },
  ];
}
