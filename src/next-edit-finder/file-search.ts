/** Looks for places that want the same edit in the files of the workspace that are not open. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { languageIdForPath } from '../completion/code/languages.ts';
import { judgeName } from '../corpus/names.ts';
import { walk } from '../corpus/reading/walk.ts';
import type { Found, Offer } from '../next-edit/find.ts';
import { readText } from '../platform/files/regular-file.ts';

const SEARCH_MS = 3000;
/** What was found is found again without reading for so long: files seldom change while a person types. */
const KNOWN_MS = 20_000;
/** Names of files are listed again after this. */
const LISTED_MS = 60_000;
const LISTING_MS = 10_000;
const MOST_FILES = 5000;
const LONGEST_FILE = 256 * 1024;
const MOST_OFFERS = 100;

/** An offer with the text that it is in. */
export interface OfferInFile {
  offer: Offer;
  text: string;
}

export interface FileQuestion {
  found: Pick<Found, 'spreading' | 'inText'>;
  folders: readonly string[];
  /** Files that are open in the editor, which knows better what is in them. */
  open: ReadonlySet<string | undefined>;
  /** Whether nobody waits for the answer any more. */
  isOvertaken: () => boolean;
}

type Names = readonly string[];

export class FileSearch {
  private listed: { folders: string; time: number; names: Names } | undefined;
  private listing: { folders: string; names: Promise<Names> } | undefined;
  private known: { key: string; names: Names; time: number; offers: OfferInFile[] } | undefined;

  constructor(private readonly now: () => number = () => performance.now()) {}

  /** Undefined if it was overtaken. What it had no time for is left out. */
  async offers({ found, folders, open, isOvertaken }: FileQuestion): Promise<OfferInFile[] | undefined> {
    const names = await this.names(folders);
    const key = JSON.stringify([found.spreading, [...open].sort()]);
    const { known } = this;
    const isKnown = known?.key === key && known.names === names && this.now() - known.time < KNOWN_MS;
    if (isKnown) return known.offers;
    const until = this.now() + SEARCH_MS;
    const offers: OfferInFile[] = [];
    for (const name of names) {
      if (isOvertaken()) return undefined;
      if (this.now() > until || offers.length >= MOST_OFFERS) break;
      const text = open.has(name) ? undefined : await textOf(name);
      if (text === undefined) continue;
      const inText = found.inText({
        path: pathToFileURL(name).href,
        languageId: languageIdForPath(name),
        text,
      });
      offers.push(...inText.map((offer) => ({ offer, text })));
    }
    this.known = { key, names, time: this.now(), offers };
    return offers;
  }

  /** While names are listed anew, those from before are used. */
  private names(folders: readonly string[]): Names | Promise<Names> {
    const key = folders.join('\n');
    const before = this.listed?.folders === key ? this.listed : undefined;
    if (before && this.now() - before.time < LISTED_MS) return before.names;
    if (this.listing?.folders !== key) {
      const listing = { folders: key, names: this.list(folders) };
      this.listing = listing;
      void listing.names.then((names) => {
        if (this.listing !== listing) return;
        this.listed = { folders: key, time: this.now(), names };
        this.listing = undefined;
      });
    }
    return before?.names ?? this.listing.names;
  }

  /** Code below the folders that git does not ignore. Of a folder that can't be read, none. */
  private async list(folders: readonly string[]): Promise<Names> {
    const until = this.now() + LISTING_MS;
    const names: string[] = [];
    const isFull = () => names.length >= MOST_FILES || this.now() > until;
    for (const folder of folders) {
      try {
        for await (const one of walk(folder)) {
          if (isFull()) return names;
          if (one.in && 'take' in judgeName(one.path)) names.push(join(folder, one.path));
        }
      } catch {
        // The others are there.
      }
    }
    return names;
  }
}

/** As the editor has it, without the mark of its encoding. Undefined for what is no short text, or can't be read. */
async function textOf(file: string): Promise<string | undefined> {
  const text = await readText(file, LONGEST_FILE).catch(() => '\0');
  return text.includes('\0') ? undefined : text.replace(/^\uFEFF/, '');
}
