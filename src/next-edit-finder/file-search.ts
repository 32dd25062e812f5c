/** Searches the workspace's closed files for places that need the same edit. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { languageIdForPath } from '../completion/code/languages.ts';
import { judgeName, nearestFirst } from '../corpus/names.ts';
import { walk } from '../corpus/reading/walk.ts';
import type { SearchResult, Offer } from '../next-edit/find.ts';
import { readText } from '../platform/files/regular-file.ts';

const SEARCH_MS = 3000;
/** Results are reused for this long: files seldom change while the user types. */
const CACHE_MS = 20_000;
/** File names are listed again after this time. */
const NAMES_CACHE_MS = 60_000;
const LISTING_MS = 10_000;
const MAX_LISTED = 50_000;
/** Of more files, the nearest ones are read. */
const MAX_SEARCHED = 5000;
const MAX_FILE_BYTES = 256 * 1024;
const MAX_OFFERS = 100;

/** An offer with the text it applies to. */
export interface OfferInFile {
  offer: Offer;
  text: string;
}

export interface FileQuestion {
  found: Pick<SearchResult, 'spreading' | 'inText'>;
  folders: readonly string[];
  /** The file that the user is looking at, if it is one. */
  near: string | undefined;
  /** Files that are open in the editor, which has their current text. */
  open: ReadonlySet<string | undefined>;
  /** Whether a newer question has made this one obsolete. */
  isSuperseded: () => boolean;
}

type Names = readonly string[];

export class FileSearch {
  private listed: { folders: string; time: number; names: Names } | undefined;
  private listing: { folders: string; names: Promise<Names> } | undefined;
  private known: { key: string; names: Names; time: number; offers: OfferInFile[] } | undefined;

  constructor(
    private readonly now: () => number = () => performance.now(),
    private readonly mostFiles = MAX_SEARCHED,
  ) {}

  /** Undefined if a newer question came in. Files beyond the time limit are left out. */
  async offers({
    found,
    folders,
    near,
    open,
    isSuperseded,
  }: FileQuestion): Promise<OfferInFile[] | undefined> {
    const names = await this.names(folders);
    const key = JSON.stringify([found.spreading, [...open].sort()]);
    const { known: cached } = this;
    const isKnown = cached?.key === key && cached.names === names && this.now() - cached.time < CACHE_MS;
    if (isKnown) return cached.offers;
    const until = this.now() + SEARCH_MS;
    const offers: OfferInFile[] = [];
    const nearest = near === undefined ? names : nearestFirst(names, near);
    for (const name of nearest.slice(0, this.mostFiles)) {
      if (isSuperseded()) return undefined;
      if (this.now() > until || offers.length >= MAX_OFFERS) break;
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

  /** While names are being listed again, the old ones are used. */
  private names(folders: readonly string[]): Names | Promise<Names> {
    const key = folders.join('\n');
    const before = this.listed?.folders === key ? this.listed : undefined;
    if (before && this.now() - before.time < NAMES_CACHE_MS) return before.names;
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

  /** Code files in the folders, which may be nested, that git does not ignore. Unreadable folders are skipped. */
  private async list(folders: readonly string[]): Promise<Names> {
    const until = this.now() + LISTING_MS;
    const names = new Set<string>();
    const isFull = () => names.size >= MAX_LISTED || this.now() > until;
    for (const folder of folders) {
      try {
        for await (const entry of walk(folder)) {
          if (isFull()) return [...names];
          if (entry.in && 'take' in judgeName(entry.path)) names.add(join(folder, entry.path));
        }
      } catch {
        // The other folders are still listed.
      }
    }
    return [...names];
  }
}

/** The text as in the editor, without a byte order mark. Undefined for long, binary or unreadable files. */
async function textOf(file: string): Promise<string | undefined> {
  const text = await readText(file, MAX_FILE_BYTES).catch(() => '\0');
  return text.includes('\0') ? undefined : text.replace(/^\uFEFF/, '');
}
