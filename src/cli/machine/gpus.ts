/** The GPUs that the driver lists. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { DoctorReport } from '../../protocol/doctor.ts';

const exec = promisify(execFile);

export type Gpu = DoctorReport['gpus'][number];

/** NVIDIA GPUs, from nvidia-smi; empty when it is not there. */
export async function findGpus(): Promise<Gpu[]> {
  try {
    const query = ['--query-gpu=name,driver_version,memory.total', '--format=csv,noheader,nounits'];
    const { stdout } = await exec('nvidia-smi', query, { timeout: 20_000 });
    return parseGpus(stdout);
  } catch {
    return [];
  }
}

/** Parses nvidia-smi's lines: name, driver, memory in MiB. */
export function parseGpus(csv: string): Gpu[] {
  return csv.split('\n').flatMap((line) => {
    const [name, driver, mebibytes] = line.split(',').map((cell) => cell.trim());
    return name && driver ? [{ name, driver, memory: (Number(mebibytes) || 0) * 2 ** 20 }] : [];
  });
}
