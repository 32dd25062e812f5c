/**
 * What a workspace's own settings may decide. They come with the repository: whoever trusts it lets its code run here,
 * and has not chosen what is downloaded, read or sent for it. Independent of the editor, so that it can be tested.
 */
import { AUTO_BASE } from '../base-models/choose.ts';
import { findKnownBase } from '../base-models/registry.ts';
import type { Inspected } from './setting-rules.ts';

/** Settings that a workspace decides in part; what it may not say is ignored, and told. */
export interface Decided<T> {
  value: T;
  /** What the workspace said and may not. */
  ignored: string[];
}

const ofWorkspace = ({ workspaceFolderValue, workspaceValue }: Inspected): unknown =>
  workspaceFolderValue ?? workspaceValue;

/** A base by its known name; not a path, nor a repository of the hub. `effective`: what the editor makes of all places. */
export function decideBase(inspected: Inspected, effective: string): Decided<string> {
  const named = ofWorkspace(inspected);
  if (named === undefined) return { value: effective, ignored: [] };
  const base = String(named).trim() || AUTO_BASE;
  if (base === AUTO_BASE || findKnownBase(base)) return { value: base, ignored: [] };
  const { globalValue } = inspected;
  return { value: typeof globalValue === 'string' ? globalValue : AUTO_BASE, ignored: [base] };
}

/** Options of `train` without a value that a workspace may give. */
export const freeFlags = [
  ...['repository-context', 'no-repository-context', 'rank-stabilised', 'no-rate-trials', 'recompute'],
];

/** Those with one: numbers, shares, and names from a list. No path, address, data set, run or base. */
export const freeOptions = [
  ...['mode', 'pairs', 'fim-rate', 'fim-loss', 'half-life', 'replay-rate', 'method', 'lr', 'minutes'],
  ...['steps', 'epochs', 'tokens', 'seq', 'batch', 'accumulate', 'rank', 'alpha', 'targets', 'dropout'],
  ...['attention-dropout', 'optimizer', 'schedule', 'warmup', 'cooldown', 'weight-decay', 'clip'],
  ...['eval-every', 'held-out-windows', 'humaneval', 'retention', 'measure-share', 'forgetting-limit'],
  ...['patience', 'keep', 'strength', 'precision', 'seed'],
];

/** Of the options that a workspace gives, each with its value in one word, those that it may. */
export function decideOptions(inspected: Inspected, effective: readonly string[]): Decided<string[]> {
  const named = ofWorkspace(inspected);
  if (named === undefined) return { value: [...effective], ignored: [] };
  const words = Array.isArray(named) ? named.map(String) : [];
  const value: string[] = [];
  const ignored: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    const [, name = '', given] = /^--([a-z-]+)(?:=(.*))?$/s.exec(word) ?? [];
    const isOption = freeOptions.includes(name);
    if (given === undefined ? freeFlags.includes(name) : isOption) value.push(word);
    else if (isOption && at + 1 < words.length) value.push(`${word}=${words[(at += 1)]!}`);
    else {
      ignored.push(word);
      // Its value, whatever it looks like, is no option.
      while (at + 1 < words.length && !words[at + 1]!.startsWith('--')) ignored.push(words[(at += 1)]!);
    }
  }
  return { value, ignored };
}
