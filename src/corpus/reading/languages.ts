/** Counts files by extension, because an unknown language may be all that a person writes. */
import { kindOf } from '../kinds.ts';
import { extensionOf } from '../names.ts';

export interface UnknownLanguage {
  extension: string;
  files: number;
}

type Counts = Map<string, number>;

export class Languages {
  private readonly known: Counts = new Map();
  private readonly unknown: Counts = new Map();

  /** `isKnown`: code in a known language; else text in an unknown one. */
  add(path: string, isKnown: boolean): void {
    const counts = isKnown ? this.known : this.unknown;
    const extension = extensionOf(path);
    if (extension) counts.set(extension, (counts.get(extension) ?? 0) + 1);
  }

  /** An extension that may be code and has more files than any known one; a few logs and the like are everywhere. */
  get mainUnknown(): UnknownLanguage | undefined {
    const code = [...this.unknown].filter(([extension]) => kindOf(`a.${extension}`) === 'code');
    const main = largest(code);
    return main && main.files > (largest(this.known)?.files ?? 0) ? main : undefined;
  }

  /** The most frequent unknown extension, whether code or text. */
  get anyUnknown(): UnknownLanguage | undefined {
    return this.mainUnknown ?? largest(this.unknown);
  }
}

function largest(counts: Iterable<[string, number]>): UnknownLanguage | undefined {
  const [first] = [...counts].sort((a, b) => b[1] - a[1]);
  return first && { extension: first[0], files: first[1] };
}
