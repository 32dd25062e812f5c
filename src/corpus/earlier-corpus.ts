/**
 * Support for continuing the corpus of an earlier run: which documents are unchanged, which split they stay in, and how
 * much of them is replayed. Pure.
 */
import { Sketches } from './held-out/copied-lines.ts';
import { splitNumber } from './held-out/split.ts';
import { isTwin } from './reasons.ts';
import type { CorpusSummary, KeptEntry, LeftOutEntry, Split } from './manifest.ts';

/**
 * Fraction of unchanged text in the training text. If the new text resembles the old, 5% is enough to prevent
 * forgetting; if it is in another language, 25% is, which costs the new text little (Ibrahim et al. 2024).
 */
export const REPLAY_SHARE = 0.25;

/** Identifies a document. A row's name is just its number, so only its text counts. */
type Identity = Pick<KeptEntry, 'path' | 'sha256'> & { sketch?: string | undefined };

/** Where a document was. `age`: in which corpus, 0 for the one that is continued, 1 for the one that it continued. */
interface Place {
  split: Split;
  age: number;
}

/**
 * A corpus that is continued, with those that it continued, which know the split of files that reappear. Only what has
 * vanished or changed since is remembered of them, or memory would grow with each run.
 */
export class EarlierCorpus {
  private readonly texts = new Map<string, Place>();
  private readonly names = new Map<string, Place>();
  /** By age. */
  private readonly sketches: Sketches<Split>[] = [];

  /** Built from its manifest. */
  constructor(kept: readonly KeptEntry[], leftOut: readonly LeftOutEntry[]) {
    this.addOlder(kept, leftOut);
  }

  /** Adds the corpus that the last one continued. */
  addOlder(kept: readonly KeptEntry[], leftOut: readonly LeftOutEntry[]): void {
    const age = this.sketches.length;
    const sketches = new Sketches<Split>();
    this.sketches.push(sketches);
    const places = { train: { split: 'train', age }, 'held-out': { split: 'held-out', age } } as const;
    for (const { path, sha256, split, sketch } of kept) {
      if (!this.names.has(path)) this.names.set(path, places[split]);
      if (this.texts.has(sha256)) continue;
      this.texts.set(sha256, places[split]);
      if (sketch) sketches.add(sketch, split);
    }
    // A (near-)duplicate was learned, or held out, together with its twin.
    for (const { path, reason, detail } of leftOut) {
      const twin = isTwin(reason) ? this.names.get(detail!) : undefined;
      if (twin && !this.names.has(path)) this.names.set(path, places[twin.split]);
    }
  }

  /** Whether the one that is continued contained exactly this text. */
  contains({ sha256 }: Pick<Identity, 'sha256'>): boolean {
    return this.texts.get(sha256)?.age === 0;
  }

  /**
   * The split a file was in, by its text or name, so that no file ever changes its split; otherwise that of the most
   * similar file, which it may have been before it was renamed and edited.
   */
  splitForFile(file: Identity): Split | undefined {
    return this.splitByName(file) ?? (file.sketch ? this.splitByLines(file.sketch) : undefined);
  }

  splitByName({ sha256, path }: Identity): Split | undefined {
    const [text, name] = [this.texts.get(sha256), this.names.get(path)];
    const isNameNewer = text && name && name.age < text.age;
    return (isNameNewer ? name : (text ?? name))?.split;
  }

  private splitByLines(sketch: string): Split | undefined {
    for (const sketches of this.sketches) {
      const split = sketches.find(sketch);
      if (split) return split;
    }
    return undefined;
  }

  splitForRow({ sha256 }: Pick<Identity, 'sha256'>): Split | undefined {
    return this.texts.get(sha256)?.split;
  }
}

type Weightable = Pick<KeptEntry, 'split' | 'tokens' | 'weight' | 'known' | 'sha256'>;
const weightedTokens = (entries: readonly Pick<KeptEntry, 'tokens' | 'weight'>[]) =>
  entries.reduce((sum, { tokens, weight = 1000 }) => sum + tokens * weight, 0) / 1000;

/**
 * Lowers the weights of unchanged training documents until they make up `share` of the training text, if they make up
 * more. Weights are whole thousandths, so fractions are drawn: among very many documents, most get 0 and the others 1.
 * The draw depends on how much is new, so that the next run draws others.
 */
export function limitReplay(entries: readonly Weightable[], seed: number, share = REPLAY_SHARE): void {
  const training = entries.filter(({ split }) => split === 'train');
  const known = training.filter((entry) => entry.known);
  const targetTokens = (share / (1 - share)) * weightedTokens(training.filter((entry) => !entry.known));
  const factor = targetTokens / weightedTokens(known);
  // If nothing is new, all that there is is replayed.
  if (!(factor > 0 && factor < 1)) return;
  for (const entry of known)
    entry.weight = Math.floor(
      factor * (entry.weight ?? 1000) + splitNumber(seed, `${targetTokens}\0${entry.sha256}`),
    );
}

/** The section of the summary about the continuation of `earlier`. */
export function describeChange(
  kept: readonly KeptEntry[],
  earlier: EarlierCorpus,
): NonNullable<CorpusSummary['changed']> {
  const changed = kept.filter(({ known }) => !known);
  const training = kept.filter(({ split }) => split === 'train');
  const learned = changed.filter(({ split }) => split === 'train');
  const sum = (key: 'bytes' | 'tokens') => learned.reduce((total, entry) => total + entry[key], 0);
  const passTokens = weightedTokens(training);
  return {
    files: changed.length,
    trainFiles: learned.length,
    trainBytes: sum('bytes'),
    trainTokens: sum('tokens'),
    replay: passTokens > 0 ? weightedTokens(training.filter(({ known }) => known)) / passTokens : 0,
    passTokens: Math.round(passTokens),
    kept: kept.filter((entry) => earlier.splitByName(entry)).length,
  };
}
