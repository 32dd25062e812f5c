/** The command line's `reproduce` on a cluster, and its runs trained once more here. */
import { execFile } from 'node:child_process';
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import {
  claimResultSchema,
  reproductionStateSchema,
  type ClaimResult,
} from '../../src/protocol/reproduction.ts';
import type { Place } from './sweep.ts';

const SETTINGS = '--claims forgetting,rates --backend wasm --seq 64 --yes --json';

export interface Reproduced {
  claims: ClaimResult[];
  /** Ids of the runs, by variant. */
  runs: Record<string, string>;
  seconds: number;
  /** The runs whose result or figures differ from those of the same run here. */
  different: string[];
}

/** Two runs at most are trained here, too. */
const COMPARED = ['lora', 'full'];

export async function runClaims(
  { home, base, folder }: Place,
  { minutes, on }: { minutes: string; on: { url: string; token: string; storage: string } },
): Promise<Reproduced> {
  const env = { ...process.env, FORGET_ME_NOT_HOME: home, RAY_AUTH_TOKEN: on.token };
  const args = ['reproduce', folder, '--base', base, '--budget', minutes, ...SETTINGS.split(' ')];
  const began = performance.now();
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [resolve('dist/cli.mjs'), ...args, '--on', on.url, '--storage', on.storage, '--cpus', '1'],
    { env, maxBuffer: 1 << 28 },
  );
  const seconds = (performance.now() - began) / 1000;
  const answer = JSON.parse(stdout.trim().split('\n').at(-1)!) as { dir: string; claims: unknown[] };
  const claims = answer.claims.map((one) => claimResultSchema.parse(one));
  const results: unknown = JSON.parse(await readFile(join(answer.dir, 'results.json'), 'utf8'));
  const { runs } = reproductionStateSchema.parse(results);
  const different: string[] = [];
  for (const name of COMPARED) {
    const run = runs[name];
    if (!run || !(await isSameHere(home, run))) different.push(name);
  }
  return { claims, runs, seconds, different };
}

/** Trains and measures the same run here, with one processor as there, in a data directory of its own. */
async function isSameHere(home: string, id: string): Promise<boolean> {
  const there = join(home, 'runs', id);
  const own = `${home}-here`;
  const here = join(own, 'runs', id);
  await mkdir(here, { recursive: true });
  for (const name of ['run.json', 'corpus'])
    await cp(join(there, name), join(here, name), { recursive: true });
  const { hyper } = JSON.parse(await readFile(join(here, 'run.json'), 'utf8')) as {
    hyper: { steps: number };
  };
  await writeFile(
    join(here, 'state.json'),
    JSON.stringify({ status: 'queued', step: 0, steps: hyper.steps }),
  );
  await writeFile(join(here, 'events.jsonl'), '');
  const env = { ...process.env, FORGET_ME_NOT_HOME: own, FORGET_ME_NOT_PROCESSORS: '1' };
  await promisify(execFile)(process.execPath, [resolve('dist/trainer.mjs'), here], {
    env,
    maxBuffer: 1 << 28,
  });
  for (const name of await compared(here))
    if (
      !(await readFile(join(here, name))).equals(await readFile(join(there, name)).catch(() => Buffer.of()))
    )
      return false;
  return true;
}

/** The result, and the figures of each item. */
async function compared(dir: string): Promise<string[]> {
  const results = (await readdir(dir)).filter((name) => /\.gguf$/.test(name));
  const figures = (await readdir(join(dir, 'evaluation'))).filter((name) =>
    /^(workspace|retention).*\.jsonl$/.test(name),
  );
  if (results.length === 0 || figures.length === 0) throw new Error(`${dir} has no result.`);
  return [...results, ...figures.map((name) => join('evaluation', name))];
}
