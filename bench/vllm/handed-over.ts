/** A vLLM with adapters that `serve --on` has handed to it, for as long as a benchmark needs it. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { resolveBase, type ResolvedBase } from '../../src/base-models/resolve.ts';
import { importAdapter } from '../../src/export/import-adapter.ts';
import { openGguf } from '../../src/gguf/index.ts';
import { writeTinyAdapter, writeTinyModel } from '../../test/support/tiny-model.ts';
import { makeOwnHome } from '../own-home.ts';
import { ensurePytorch } from '../training/environment.ts';
import { writeVllmBase } from './base.ts';
import { startVllm, type Vllm } from './server.ts';

/** Bearer token of the server. */
export const TOKEN = 'bench';

export interface Run {
  name: string;
  id: string;
  /** The adapter's file. */
  adapter: string;
}

export interface HandedOver {
  vllm: Vllm;
  base: ResolvedBase;
  runs: Run[];
  /** The folder in which they lie as PEFT's, each under its name. */
  shared: string;
  /** What `serve --on` said of each adapter. */
  checks: unknown;
}

export interface HandOverOptions {
  /** A base's name or file; without, a small Llama with random weights and the marks of Qwen2.5-Coder. */
  base?: string | undefined;
  /** Of an environment that has vLLM; without, one is made. */
  python?: string | undefined;
  /** Names of the adapters. */
  names: readonly string[];
  /** A file for the first; the others, or all, are random. */
  adapter?: string | undefined;
  /** Standard deviation of B in random adapters. */
  scale: number;
  threads: number;
  /** Tokens of a prompt and its answer. */
  context: number;
}

/** Starts it in a folder of its own, hands the adapters over, and ends and deletes it all after `body`. */
export async function withHandedOver<T>(
  options: HandOverOptions,
  body: (handedOver: HandedOver) => Promise<T>,
): Promise<T> {
  const log = (line: string) => void process.stderr.write(`${line}\n`);
  const python = options.python ?? (await installVllm(log));
  const dir = await mkdtemp(join(tmpdir(), 'forget-me-not-vllm-'));
  let vllm: Vllm | undefined;
  try {
    const home = join(dir, 'home');
    await mkdir(home);
    await makeOwnHome(home);
    process.env['FORGET_ME_NOT_HOME'] = home;
    const base = await resolveBase(options.base ?? (await randomBase(dir)));
    // Clients know how a model fills in by its name.
    const model = join(dir, options.base ? await nameOf(base.path) : 'random-qwen2.5-coder');
    await writeVllmBase(base.path, model);
    const runs = await makeRuns(dir, base, options);
    log('Starting vLLM ...');
    const { threads, context } = options;
    vllm = await startVllm({ python, model, threads, context, token: TOKEN, log: join(dir, 'vllm.log') });
    const shared = join(dir, 'shared');
    const checks = await handOver(vllm, runs, shared);
    return await body({ vllm, base, runs, shared, checks });
  } finally {
    await vllm?.stop();
    await rm(dir, { recursive: true, force: true });
  }
}

/** They are for sound, and built for another PyTorch: transformers fails where they are there. */
const WITHOUT = ['torchaudio', 'torchcodec'];

const installVllm = (log: (line: string) => void) =>
  ensurePytorch(resolve('bench/vllm/requirements.txt'), log, 'bench-vllm', WITHOUT);

/** vLLM's attention on processors needs heads of at least 32. */
async function randomBase(dir: string): Promise<string> {
  const path = join(dir, 'random.gguf');
  const sizes = { layers: 2, embedding: 128, heads: 2, kvHeads: 1, ffn: 256, context: 8192 };
  await writeTinyModel(path, { ...sizes, seed: 3, fillInTheMiddle: true });
  return path;
}

/** As a folder: "Qwen2.5 Coder 0.5B Instruct" -> `Qwen2.5-Coder-0.5B-Instruct`. */
async function nameOf(path: string): Promise<string> {
  const file = await openGguf(path);
  try {
    return String(file.metadata['general.name'] ?? 'base').replaceAll(/[^\w.]+/g, '-');
  } finally {
    await file.close();
  }
}

async function makeRuns(
  dir: string,
  base: ResolvedBase,
  { names, adapter, scale }: HandOverOptions,
): Promise<Run[]> {
  const runs: Run[] = [];
  for (const [index, name] of names.entries()) {
    const given = index === 0 ? adapter : undefined;
    const path = given ?? join(dir, `${name}.gguf`);
    if (!given) await writeTinyAdapter(path, base.path, { seed: index + 1, rank: 16, alpha: 32, scale });
    const { id, dir: run } = await importAdapter({ path, base, name, versions: {} });
    runs.push({ name, id, adapter: join(run, 'adapter.gguf') });
  }
  return runs;
}

async function handOver(vllm: Vllm, runs: readonly Run[], shared: string): Promise<unknown> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [
      ...[resolve('dist/cli.mjs'), 'serve', '--on', vllm.url, '--shared', shared, '--json'],
      ...runs.flatMap(({ name, id }) => ['--adapter', `${name}=${id}`]),
    ],
    { env: { ...process.env, FORGET_ME_NOT_ENDPOINT_TOKEN: TOKEN } },
  );
  return (JSON.parse(stdout) as { offered: unknown }).offered;
}
