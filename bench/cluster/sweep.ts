/** Runs the command line's `sweep`, locally or on a cluster, and reads its results. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { isDeepStrictEqual, promisify } from 'node:util';
import { parseLines } from '../../src/platform/files/lines.ts';
import { sweepLineSchema, type BaseLine, type Trial } from '../../src/protocol/sweep.ts';

const RATES = ['1e-5', '3e-5', '1e-4', '3e-4', '1e-3', '3e-3', '1e-2', '3e-2'];
const SETTINGS = '--method lora --backend wasm --precision f32 --held-out-windows 8 --yes --json';

export interface Place {
  /** Data directory of the command line. */
  home: string;
  base: string;
  folder: string;
}

interface How {
  /** Options for the size of a trial. */
  trial: string[];
  processors?: number;
  on?: { url: string; token: string; storage: string };
}

export interface Swept {
  base: BaseLine;
  /** Ascending by rate. */
  trials: Trial[];
  /** Duration of the whole command. */
  seconds: number;
  uploadBytes: number;
}

export async function runSweep(place: Place, { trial, processors, on }: How): Promise<Swept> {
  const args = [
    'sweep',
    place.folder,
    '--base',
    place.base,
    '--grid',
    RATES.join(','),
    ...SETTINGS.split(' '),
    ...trial,
  ];
  if (on) args.push('--on', on.url, '--storage', on.storage);
  const env = {
    ...process.env,
    FORGET_ME_NOT_HOME: place.home,
    ...(on && { RAY_AUTH_TOKEN: on.token }),
    ...(processors && { FORGET_ME_NOT_PROCESSORS: String(processors) }),
  };
  const startedAt = performance.now();
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [resolve('dist/cli.mjs'), ...args], {
    env,
    maxBuffer: 1 << 28,
  });
  const seconds = (performance.now() - startedAt) / 1000;
  const { dir } = JSON.parse(stdout.trim().split('\n').at(-1)!) as { dir: string };
  const uploadBytes = Math.max(0, ...stderr.split('\n').map(sent));
  const lines = parseLines(sweepLineSchema, await readFile(join(dir, 'trials.jsonl'), 'utf8')).values;
  const base = lines.find((line) => line.type === 'base')!;
  const trials = lines
    .filter((line) => line.type === 'trial')
    .sort((a, b) => a.learningRate - b.learningRate);
  return { base, trials, seconds, uploadBytes };
}

/** The number of bytes uploaded, according to a progress line. */
const sent = (line: string): number => Number(/^\{"phase":"Sending .*"total":(\d+)/.exec(line)?.[1] ?? 0);

/** Measured from the base's results to those of the last trial, including the start of each trial. */
export function trialsPerMinute({ base, trials }: Swept): number {
  const last = Math.max(...trials.map(({ time }) => Date.parse(time)));
  return trials.length / ((last - Date.parse(base.time)) / 60_000);
}

const timeless = ({ base, trials }: Swept) =>
  [base, ...trials].map((line) => ({ ...line, time: '', ...('seconds' in line && { seconds: 0 }) }));

/** Whether all losses, divergences and KLs are identical. */
export const sameTrials = (first: Swept, other: Swept): boolean =>
  isDeepStrictEqual(timeless(first), timeless(other));
