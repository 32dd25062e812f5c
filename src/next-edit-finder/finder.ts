/**
 * Entry: the thread `dist/next-edit-finder.mjs` of the extension host. It searches for places that need the same edit,
 * first in the open documents, then in the workspace's files, so that typing never waits.
 */
import { fileURLToPath } from 'node:url';
import { parentPort } from 'node:worker_threads';
import { reportError } from '../text/errors.ts';
import { partsShown, shownLines } from '../next-edit/apply.ts';
import type { Edit, Replacement } from '../next-edit/edit.ts';
import { search, type Offer, type SearchedText } from '../next-edit/find.ts';
import { FileSearch } from './file-search.ts';

/** A question to the thread. The paths of documents are their URIs. */
export interface ToFinder {
  id: number;
  edits: Edit[];
  /** Documents whose text is new or has changed since the previous question. */
  changed: SearchedText[];
  /** All open documents: their files on disk are not searched. */
  open: string[];
  /** The documents to search, most relevant first. */
  searched: string[];
  /** The active document, and the cursor's offset in it in UTF-16 units. */
  path: string;
  place: number;
  /** Where the user's newest change there ended; by default, at the cursor. */
  editedAt?: number;
  unwanted: string[];
  /** The workspace's folders. */
  folders: string[];
}

/** Questions before this number are cancelled. */
export type Cancellation = Pick<ToFinder, 'id'>;

/**
 * An offer with the lines it touches, which is all that the editor needs. The path of a closed file is its URI as Node
 * writes it.
 */
export interface FoundOffer extends Offer {
  /** Offset of the lines in UTF-16 units, and their text before and after. */
  from: number;
  before: string;
  after: string;
  /** The parts as displayed. */
  shown: readonly Replacement[];
}

/** An answer. `error`: a message for the log. */
export interface FromFinder {
  id: number;
  offers: FoundOffer[];
  /** See `SearchResult`. */
  continued?: string[];
  /** The workspace's files are still being searched: another answer with all offers follows. */
  more?: true;
  /** Set instead of offers: those of an earlier answer stay valid. */
  error?: string;
}

const DOCUMENTS_MS = 1000;
const MAX_OFFERS = 100;

const texts = new Map<string, SearchedText>();
const files = new FileSearch();
let newest = 0;

/** Done for every question, even a cancelled one: later questions contain only the changes since. */
function updateTexts({ changed, searched }: ToFinder): void {
  for (const text of changed) texts.set(text.path, text);
  for (const known of [...texts.keys()]) if (!searched.includes(known)) texts.delete(known);
}

async function answer(request: ToFinder, send: (answer: FromFinder) => void): Promise<void> {
  const { id, open, searched, edits, path, place, editedAt, folders } = request;
  const isSuperseded = () => id !== newest;
  // The user has typed on meanwhile.
  if (isSuperseded()) return;
  const documents = searched.flatMap((path) => texts.get(path) ?? []);
  const unwanted = new Set(request.unwanted);
  const found = search(edits, documents, {
    path,
    place,
    editedAt,
    unwanted,
    deadline: performance.now() + DOCUMENTS_MS,
  });
  const offers = found.offers.map((offer) => withLines(offer, texts.get(offer.path)!.text));
  const { continued } = found;
  const more = found.spreading.length > 0 && offers.length < MAX_OFFERS;
  send({ id, offers, continued, ...(more && { more }) });
  if (!more) return;
  const offersInFiles = await files.offers({
    found,
    folders,
    near: pathOfUri(path),
    open: new Set(open.map(pathOfUri)),
    isSuperseded,
  });
  if (!offersInFiles || isSuperseded()) return;
  const inFiles = offersInFiles.map(({ offer, text }) => withLines(offer, text));
  send({ id, offers: [...offers, ...inFiles].slice(0, MAX_OFFERS), continued });
}

const withLines = (offer: Offer, text: string): FoundOffer => ({
  ...offer,
  ...shownLines(text, offer.parts),
  shown: partsShown(text, offer),
});

/** The path of a URI in any spelling: the editor percent-encodes more characters than Node. */
function pathOfUri(address: string): string | undefined {
  try {
    return fileURLToPath(address);
  } catch {
    return undefined;
  }
}

parentPort?.on('message', (request: ToFinder | Cancellation) => {
  newest = request.id;
  if (!('edits' in request)) return;
  updateTexts(request);
  const send = (message: FromFinder) => parentPort?.postMessage(message);
  // Lets queued messages arrive first.
  setImmediate(() => {
    answer(request, send).catch((error: unknown) =>
      send({ id: request.id, offers: [], error: reportError(error).message }),
    );
  });
});
