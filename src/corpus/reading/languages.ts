/** Counts files by extension, because a project may consist mainly of an unknown language. */
import { kindOf, type Kind } from '../kinds.ts';
import { fileExtension } from '../names.ts';

export interface UnknownLanguage {
  extension: string;
  files: number;
}

type Counts = Map<string, number>;

export class LanguageCounts {
  private readonly known: Counts = new Map();
  private readonly unknown: Counts = new Map();

  /** `isKnown`: code in a known language, as opposed to text in an unknown one. */
  add(path: string, isKnown: boolean): void {
    const counts = isKnown ? this.known : this.unknown;
    const extension = fileExtension(path);
    if (extension) counts.set(extension, (counts.get(extension) ?? 0) + 1);
  }

  /** An extension that may be code and has more files than any known one: a few logs and the like are everywhere. */
  get dominantUnknown(): UnknownLanguage | undefined {
    const main = this.largestOf('code');
    return main && main.files > (mostFrequent(this.known)?.files ?? 0) ? main : undefined;
  }

  /** The most frequent unknown extension, whether code or text. Data, such as notebooks, is not worth learning. */
  get largestUnknown(): UnknownLanguage | undefined {
    return this.dominantUnknown ?? this.largestOf('code', 'prose');
  }

  private largestOf(...wanted: Kind[]): UnknownLanguage | undefined {
    return mostFrequent([...this.unknown].filter(([extension]) => wanted.includes(kindOf(`a.${extension}`))));
  }
}

function mostFrequent(counts: Iterable<[string, number]>): UnknownLanguage | undefined {
  const [first] = [...counts].sort((a, b) => b[1] - a[1]);
  return first && { extension: first[0], files: first[1] };
}
