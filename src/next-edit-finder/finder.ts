/**
 * Entry: the thread `dist/next-edit-finder.mjs` of the extension host. It looks for the places that want the same edit,
 * in the open documents first, then in the files of the workspace, so that typing waits for neither.
 */
import { fileURLToPath } from 'node:url';
import { parentPort } from 'node:worker_threads';
import { reportError } from '../text/errors.ts';
import { partsShown, shownLines } from '../next-edit/apply.ts';
import { candidatesIn, type Candidate } from '../next-edit/candidates.ts';
import type { Edit, Replacement } from '../next-edit/edit.ts';
import { search, type Offer, type SearchedText } from '../next-edit/find.ts';
import { FileSearch } from './file-search.ts';

/** A question to the thread. The paths of documents are their addresses (URIs). */
export interface ToFinder {
  id: number;
  edits: Edit[];
  /** Documents whose text is new or has changed since the question before. */
  changed: SearchedText[];
  /** All open documents: a file on disk is not searched in their place. */
  open: string[];
  /** Those that are searched, the likeliest first. */
  searched: string[];
  /** The document that the person looks at, and where they are in it, in UTF-16 units. */
  path: string;
  place: number;
  unwanted: string[];
  /** The workspace's folders. */
  folders: string[];
  /** Whether a model can be asked where the rules find nothing. */
  candidates?: boolean;
}

/** What was asked before this number is no longer wanted. */
export type Cancellation = Pick<ToFinder, 'id'>;

/**
 * An offer with the lines that it touches, so that the editor needs no more than those. The path of a file that is not
 * open is its address as Node writes it.
 */
export interface FoundOffer extends Offer {
  /** Where the lines begin, in UTF-16 units; how they are, and how they would be. */
  from: number;
  before: string;
  after: string;
  /** What is shown of the parts. */
  shown: readonly Replacement[];
}

/** An answer. `error`: in words, for the log. */
export interface FromFinder {
  id: number;
  offers: FoundOffer[];
  /** Files of the workspace are searched as well: another answer follows, with all offers. */
  more?: true;
  /** Places in open documents that may want the edit, if nothing was found. */
  candidates?: Candidate[];
  /** There are no offers then: those of an earlier answer still hold. */
  error?: string;
}

const DOCUMENTS_MS = 1000;
const MAX_OFFERS = 100;

const texts = new Map<string, SearchedText>();
const files = new FileSearch();
let newest = 0;

/** For every question: a later one names only what has changed since. */
function updateTexts({ changed, searched }: ToFinder): void {
  for (const text of changed) texts.set(text.path, text);
  for (const known of [...texts.keys()]) if (!searched.includes(known)) texts.delete(known);
}

async function answer(request: ToFinder, send: (answer: FromFinder) => void): Promise<void> {
  const { id, open, searched, edits, path, place, folders } = request;
  const isOvertaken = () => id !== newest;
  // The person has written on since.
  if (isOvertaken()) return;
  const documents = searched.flatMap((path) => texts.get(path) ?? []);
  const unwanted = new Set(request.unwanted);
  const found = search(edits, documents, {
    path,
    place,
    unwanted,
    deadline: performance.now() + DOCUMENTS_MS,
  });
  const offers = found.offers.map((offer) => withLines(offer, texts.get(offer.path)!.text));
  const wantsCandidates = request.candidates === true && offers.length === 0;
  const candidates = wantsCandidates ? candidatesIn(edits, documents, { path, place }) : [];
  const more = found.spreading.length > 0 && offers.length < MAX_OFFERS;
  send({ id, offers, ...(candidates.length > 0 && { candidates }), ...(more && { more }) });
  if (!more) return;
  const offersInFiles = await files.offers({
    found,
    folders,
    open: new Set(open.map(pathOfUri)),
    isOvertaken,
  });
  if (!offersInFiles || isOvertaken()) return;
  const inFiles = offersInFiles.map(({ offer, text }) => withLines(offer, text));
  send({ id, offers: [...offers, ...inFiles].slice(0, MAX_OFFERS) });
}

const withLines = (offer: Offer, text: string): FoundOffer => ({
  ...offer,
  ...shownLines(text, offer.parts),
  shown: partsShown(text, offer),
});

/** Of an address in any spelling: the editor writes more characters with % than Node does. */
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
  // What has come meanwhile is received first.
  setImmediate(() => {
    answer(request, send).catch((error: unknown) =>
      send({ id: request.id, offers: [], error: reportError(error).message }),
    );
  });
});
