/**
 * What a workspace's own settings may decide. They come with the repository: trusting it lets its code run, but does
 * not mean agreeing to what it downloads, reads or sends. Independent of the editor, so that it can be tested.
 */
import { AUTO_BASE } from '../base-models/choose.ts';
import { findKnownBase } from '../base-models/registry.ts';
import { trainOptions } from '../training/options/index.ts';
import { flagNames } from '../training/options/option.ts';
import type { Inspected } from './setting-rules.ts';

/** A setting that a workspace decides only in part; other values are ignored with a warning. */
export interface Resolved<T> {
  value: T;
  /** Values in the workspace's settings that it may not decide. */
  ignored: string[];
}

const workspaceValueOf = ({ workspaceFolderValue, workspaceValue }: Inspected): unknown =>
  workspaceFolderValue ?? workspaceValue;

/** A known base by name; not a path or a repository on the hub. `effective`: the editor's value from all scopes. */
export function resolveBase(inspected: Inspected, effective: string): Resolved<string> {
  const requested = workspaceValueOf(inspected);
  if (requested === undefined) return { value: effective, ignored: [] };
  const base = String(requested).trim() || AUTO_BASE;
  if (base === AUTO_BASE || findKnownBase(base)) return { value: base, ignored: [] };
  const { globalValue } = inspected;
  return { value: typeof globalValue === 'string' ? globalValue : AUTO_BASE, ignored: [base] };
}

/** The flags of `train` that a workspace may give, and whether each has a value. */
const workspaceFlags: ReadonlyMap<string, boolean> = new Map(
  Object.values(trainOptions)
    .filter(({ support }) => support.workspace)
    .flatMap((option) => flagNames(option).map((name) => [name, option.flags.includes('<')])),
);

/** The allowed options of a workspace, each with its value in one word. */
export function resolveOptions(inspected: Inspected, effective: readonly string[]): Resolved<string[]> {
  const requested = workspaceValueOf(inspected);
  if (requested === undefined) return { value: [...effective], ignored: [] };
  const words = Array.isArray(requested) ? requested.map(String) : [];
  const value: string[] = [];
  const ignored: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    const [, name = '', inlineValue] = /^--([a-z-]+)(?:=(.*))?$/s.exec(word) ?? [];
    const hasValue = workspaceFlags.get(name);
    if (hasValue === (inlineValue !== undefined)) value.push(word);
    else if (hasValue && at + 1 < words.length) value.push(`${word}=${words[(at += 1)]!}`);
    else {
      ignored.push(word);
      // Skip its value, which is not an option.
      while (at + 1 < words.length && !words[at + 1]!.startsWith('--')) ignored.push(words[(at += 1)]!);
    }
  }
  return { value, ignored };
}
