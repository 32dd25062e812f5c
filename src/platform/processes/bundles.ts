/** The programs in dist/ that run as separate processes. */
import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { startNode, type NodeOptions } from './start.ts';

/** Their arguments: see docs/architecture.md, "Processes". */
export interface Programs {
  trainer: [run: string];
  'training-worker': [run: string];
  'cluster-follower': [folder: string];
  sweeper: [sweep: string, ...options: string[]];
  evaluator: readonly string[];
  exporter: [run: string, request: string];
  spectrum: readonly string[];
  'scorer-worker': [];
  devices: [what: 'probe', device: string] | [what: 'rate', backend: string, device: string];
  'try-model': [file: string, bytes: string, opening: 'vocabulary' | 'whole'];
  'chat-template': [];
  fold: [base: string, adapter: string, threads: string];
}
export type ProgramName = keyof Programs;

/** Path of `name`.mjs: next to the running bundle or, when run from source (vitest), in the repository's dist. */
export function bundlePath(name: ProgramName): string {
  const beside = fileURLToPath(new URL(`./${name}.mjs`, import.meta.url));
  return existsSync(beside) ? beside : fileURLToPath(new URL(`../../../dist/${name}.mjs`, import.meta.url));
}

export const startBundle = <N extends ProgramName>(
  name: N,
  args: Programs[N],
  options: NodeOptions,
): ChildProcess => startNode(bundlePath(name), args, options);
