/**
 * Compares the memory plan with the actual use: `npm run bench:memory -- [--base BASE] [WORD]...`. Each point is a run
 * through the command line. Its trainer reports the plan and its peak; the peak of the evaluator, which runs
 * afterwards, is read from the system (Linux).
 */
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { parseArgs, promisify } from 'node:util';
import type { RunEvent } from '../src/protocol/events.ts';
import type { RunSnapshot } from '../src/protocol/panel.ts';
import { makeOwnHome } from './own-home.ts';

const POLL_MS = 500;

const points = [
  '--seq 256',
  '--seq 512',
  '--seq 1024',
  '--seq 2048',
  '--seq 256 --precision bf16',
  '--seq 512 --precision bf16',
  '--seq 2048 --precision bf16',
  '--seq 512 --batch 4',
  '--seq 2048 --recompute',
  '--seq 512 --rank 256 --optimizer adamw',
  '--seq 256 --method full --optimizer lionw',
  '--seq 512 --method full --optimizer lionw',
  '--seq 512 --method full --optimizer adamw',
  '--seq 2048 --method full --optimizer adamw',
  '--seq 2048 --method full --optimizer lionw --recompute',
  '--seq 256 --backend wasm',
  '--seq 512 --backend wasm',
];

export async function main(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args,
    options: { base: { type: 'string', default: 'smollm2-135m' } },
    allowPositionals: true,
  });
  const home = await mkdtemp(join(tmpdir(), 'forget-me-not-bench-'));
  try {
    await makeOwnHome(home);
    console.log('planned  measured  ratio  (training, measuring)');
    for (const point of points.filter((point) => positionals.every((word) => point.includes(word)))) {
      const { planned, training, measuring, parts } = await measure(home, values.base, point.split(' '));
      const measured = Math.max(training, measuring);
      const ratio = (planned / measured).toFixed(2);
      const peaks = `${megabytes(training)}, ${megabytes(measuring)}`;
      console.log(
        `${megabytes(planned)}  ${megabytes(measured)}  ${ratio}  (${peaks})  ${point}\n  ${parts}`,
      );
    }
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

async function measure(
  home: string,
  base: string,
  point: string[],
): Promise<{ planned: number; training: number; measuring: number; parts: string }> {
  const precision = point.includes('--precision') ? [] : ['--precision', 'f32'];
  const backend = point.includes('--backend') ? '' : ' --backend tensorflow';
  const quick =
    `--yes --lr 1e-5 --steps 2 --eval-tasks none --humaneval 2 --retention 2 --held-out-windows 2${backend}`.split(
      ' ',
    );
  const options = ['--base', base, ...quick, ...precision, ...point];
  await cli(home, 'train', resolve('src'), ...options, '--detach', '--json');
  const { events, measuring } = await finished(home);
  const plan = events.findLast((event) => event.type === 'memory')!;
  const step = events.findLast((event) => event.type === 'step')!;
  const parts = Object.entries(plan.plan).map(([name, bytes]) => `${name} ${megabytes(bytes).trim()}`);
  return { planned: plan.total, training: step.peakMemory, measuring, parts: parts.join(', ') };
}

/** Waits until the newest run is done. Returns its events, and the peak memory of its evaluator in bytes. */
async function finished(home: string): Promise<{ events: RunEvent[]; measuring: number }> {
  let measuring = 0;
  for (;;) {
    const { spec, state, events } = JSON.parse(await cli(home, 'show', 'latest', '--json')) as RunSnapshot;
    if (state.status === 'failed') throw new Error(state.error?.message);
    measuring = Math.max(measuring, await peakOf('evaluator.mjs', join('runs', spec.id)));
    if (state.status === 'done') return { events, measuring };
    await setTimeout(POLL_MS);
  }
}

async function peakOf(...words: string[]): Promise<number> {
  const text = (path: string) => readFile(path, 'utf8').catch(() => '');
  for (const pid of await readdir('/proc').catch(() => [])) {
    const given = (await text(`/proc/${pid}/cmdline`)).split('\0');
    if (!words.every((word) => given.some((flag) => flag.endsWith(word)))) continue;
    const kilobytes = /^VmHWM:\s+(\d+) kB/m.exec(await text(`/proc/${pid}/status`))?.[1];
    return Number(kilobytes ?? 0) * 1024;
  }
  return 0;
}

async function cli(home: string, ...args: string[]): Promise<string> {
  const env = { ...process.env, FORGET_ME_NOT_HOME: home };
  const command = [resolve('dist/cli.mjs'), ...args];
  return (await promisify(execFile)(process.execPath, command, { env, maxBuffer: 1 << 26 })).stdout;
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`.padStart(8);
}
