/**
 * A corpus that continues the one of an earlier run: what is as it was there, which side it stays on, and how much of it
 * is replayed. Pure.
 */
import type { CorpusSummary, KeptEntry, LeftOutEntry, Split } from './manifest.ts';

/**
 * Of the training text, what is as it was before. Where new text is like the old one, a twentieth is enough to keep what
 * a model knew; where it is another language, a quarter, and that costs the new text little (Ibrahim et al. 2024).
 */
export const REPLAY_SHARE = 0.25;

/** What identifies a document: a row's name is only its number. */
type Identity = Pick<KeptEntry, 'path' | 'sha256'>;

export class EarlierCorpus {
  private readonly texts = new Map<string, Split>();
  private readonly names = new Map<string, Split>();

  /** From its manifest; `before` is the corpus that it continued itself: of files that come back, that one knows the side. */
  constructor(
    kept: readonly KeptEntry[],
    leftOut: readonly LeftOutEntry[],
    private readonly before?: EarlierCorpus,
  ) {
    for (const { path, sha256, split } of kept) {
      this.texts.set(sha256, split);
      this.names.set(path, split);
    }
    // What was nearly the same as another was learned, or held out, with that one.
    for (const { path, reason, detail } of leftOut) {
      const twin =
        reason === 'near-duplicate' || reason === 'duplicate' ? this.names.get(detail!) : undefined;
      if (twin) this.names.set(path, twin);
    }
  }

  /** Whether it held this very text. */
  holds({ sha256 }: Pick<Identity, 'sha256'>): boolean {
    return this.texts.has(sha256);
  }

  /** The side that a file was on, by its text or else its name, so that nothing ever changes sides. */
  splitOfFile(file: Identity): Split | undefined {
    return this.texts.get(file.sha256) ?? this.names.get(file.path) ?? this.before?.splitOfFile(file);
  }

  splitOfRow(row: Pick<Identity, 'sha256'>): Split | undefined {
    return this.texts.get(row.sha256) ?? this.before?.splitOfRow(row);
  }
}

type Weighed = Pick<KeptEntry, 'split' | 'tokens' | 'weight' | 'known'>;
const sizeOf = (entries: readonly Weighed[]) =>
  entries.reduce((sum, { tokens, weight = 1000 }) => sum + tokens * weight, 0) / 1000;

/** Lets training documents that are as they were count less, so that they are the share to replay; at most what they are. */
export function weighReplay(entries: readonly Weighed[], share = REPLAY_SHARE): void {
  const training = entries.filter(({ split }) => split === 'train');
  const known = training.filter((entry) => entry.known);
  const wanted = (share / (1 - share)) * sizeOf(training.filter((entry) => !entry.known));
  const factor = wanted / sizeOf(known);
  if (!(factor < 1)) return;
  for (const entry of known) entry.weight = Math.max(1, Math.round(factor * (entry.weight ?? 1000)));
}

/** What the summary tells of a corpus that continues `earlier`. */
export function describeChange(
  kept: readonly KeptEntry[],
  earlier: EarlierCorpus,
): NonNullable<CorpusSummary['changed']> {
  const changed = kept.filter(({ known }) => !known);
  const training = kept.filter(({ split }) => split === 'train');
  const learned = changed.filter(({ split }) => split === 'train');
  const sum = (key: 'bytes' | 'tokens') => learned.reduce((total, entry) => total + entry[key], 0);
  const passTokens = sizeOf(training);
  return {
    files: changed.length,
    trainFiles: learned.length,
    trainBytes: sum('bytes'),
    trainTokens: sum('tokens'),
    replay: passTokens > 0 ? sizeOf(training.filter(({ known }) => known)) / passTokens : 0,
    passTokens: Math.round(passTokens),
    kept: kept.filter((entry) => earlier.splitOfFile(entry)).length,
  };
}
