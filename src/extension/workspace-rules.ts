/**
 * What a workspace's own settings may decide. They come with the repository: whoever trusts it lets its code run here,
 * and has not chosen what is downloaded, read or sent for it. Independent of the editor, so that it can be tested.
 */
import { AUTO_BASE } from '../base-models/choose.ts';
import { findKnownBase } from '../base-models/registry.ts';
import { trainOptions } from '../training/options/index.ts';
import { flagNames } from '../training/options/option.ts';
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

/** The flags of `train` that a workspace may give, and whether each has a value. */
const freeFlags: ReadonlyMap<string, boolean> = new Map(
  Object.values(trainOptions)
    .filter(({ elsewhere }) => elsewhere.workspace)
    .flatMap((option) => flagNames(option).map((name) => [name, option.flags.includes('<')])),
);

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
    const hasValue = freeFlags.get(name);
    if (hasValue === (given !== undefined)) value.push(word);
    else if (hasValue && at + 1 < words.length) value.push(`${word}=${words[(at += 1)]!}`);
    else {
      ignored.push(word);
      // Its value, whatever it looks like, is no option.
      while (at + 1 < words.length && !words[at + 1]!.startsWith('--')) ignored.push(words[(at += 1)]!);
    }
  }
  return { value, ignored };
}
