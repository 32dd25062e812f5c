/**
 * Entry: the thread `dist/next-edit-finder.mjs` of the extension host. It looks for the places that want the same edit,
 * in the open documents first, then in the files of the workspace, so that typing waits for neither.
 */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parentPort } from 'node:worker_threads';
import { languageIdOf } from '../../completion/languages.ts';
import { walk } from '../../corpus/reading/walk.ts';
import { judgeName } from '../../corpus/reading/names.ts';
import { reportError } from '../../protocol/errors.ts';
import { partsShown, shownLines } from '../../next-edit/apply.ts';
import { candidatesIn, type Candidate } from '../../next-edit/candidates.ts';
import type { Edit } from '../../next-edit/edit.ts';
import { search, type Found, type Offer, type SearchedText } from '../../next-edit/find.ts';
import type { Replacement } from '../../next-edit/edit.ts';

/** A question to the thread. The paths of documents are their addresses (URIs). */
export interface ToFinder {
  id: number;
  edits: Edit[];
  /** Documents whose text is new or has changed since the question before. */
  changed: SearchedText[];
  /** All open documents, the ones used last first. */
  open: string[];
  /** The document that the person looks at, and where they are in it, in UTF-16 units. */
  path: string;
  place: number;
  unwanted: string[];
  /** The workspace's folders. */
  folders: string[];
  /** Whether a model can be asked where the rules find nothing. */
  candidates?: boolean;
}

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

/** An answer. There are two if files of the workspace were searched as well. `error`: in words, for the log. */
export interface FromFinder {
  id: number;
  offers: FoundOffer[];
  /** Places in open documents that may want the edit, if nothing was found. */
  candidates?: Candidate[];
  error?: string;
}

const DOCUMENTS_MS = 1000;
const FILES_MS = 3000;
/** Names of files are listed again after this. */
const LISTED_MS = 60_000;
const MOST_FILES = 5000;
const LONGEST_FILE = 256 * 1024;
const MOST_OFFERS = 100;

const texts = new Map<string, SearchedText>();
let files: { folders: string; time: number; paths: string[] } | undefined;
let newest = 0;

async function answer(asked: ToFinder, tell: (answer: FromFinder) => void): Promise<void> {
  const { id, open, edits, path, place } = asked;
  for (const one of asked.changed) texts.set(one.path, one);
  for (const known of [...texts.keys()]) if (!open.includes(known)) texts.delete(known);
  // The person has written on since.
  if (id !== newest) return;
  const documents = open.flatMap((one) => texts.get(one) ?? []);
  const unwanted = new Set(asked.unwanted);
  const found = search(edits, documents, { path, place, unwanted, deadline: Date.now() + DOCUMENTS_MS });
  const offers = found.offers.map((offer) => withLines(offer, texts.get(offer.path)!.text));
  const wanted = asked.candidates === true && offers.length === 0;
  const candidates = wanted ? candidatesIn(edits, documents, { path, place }) : [];
  tell({ id, offers, ...(candidates.length > 0 && { candidates }) });
  if (found.spreading.length === 0 || found.offers.length >= MOST_OFFERS) return;
  const more = await inFiles(found, asked);
  if (more.length > 0 && id === newest) tell({ id, offers: [...offers, ...more].slice(0, MOST_OFFERS) });
}

const withLines = (offer: Offer, text: string): FoundOffer => ({
  ...offer,
  ...shownLines(text, offer.parts),
  shown: partsShown(text, offer),
});

async function inFiles({ inText }: Found, { id, folders, open }: ToFinder): Promise<FoundOffer[]> {
  const until = Date.now() + FILES_MS;
  const offers: FoundOffer[] = [];
  const openFiles = new Set(open.map(fileOf));
  for (const file of await listed(folders)) {
    if (id !== newest || Date.now() > until || offers.length >= MOST_OFFERS) break;
    if (openFiles.has(file)) continue;
    const text = await textOf(file);
    if (text === undefined) continue;
    const found = inText({ path: pathToFileURL(file).href, languageId: languageIdOf(file), text });
    offers.push(...found.map((offer) => withLines(offer, text)));
  }
  return offers;
}

/** Of an address in any spelling: the editor writes more characters with % than Node does. */
function fileOf(address: string): string | undefined {
  try {
    return fileURLToPath(address);
  } catch {
    return undefined;
  }
}

/** Code below the folders that git does not ignore. */
async function listed(folders: readonly string[]): Promise<string[]> {
  const key = folders.join('\n');
  if (files?.folders === key && Date.now() - files.time < LISTED_MS) return files.paths;
  const paths: string[] = [];
  for (const folder of folders)
    for await (const one of walk(folder)) {
      if ('in' in one && one.in && 'take' in judgeName(one.path)) paths.push(join(folder, one.path));
      if (paths.length >= MOST_FILES) break;
    }
  files = { folders: key, time: Date.now(), paths };
  return paths;
}

/** Undefined for what is no short text, or can't be read. */
async function textOf(file: string): Promise<string | undefined> {
  try {
    if ((await stat(file)).size > LONGEST_FILE) return undefined;
    const text = await readFile(file, 'utf8');
    return text.includes('\0') ? undefined : text;
  } catch {
    return undefined;
  }
}

let turn = Promise.resolve();
parentPort?.on('message', (asked: ToFinder) => {
  newest = asked.id;
  const tell = (one: FromFinder) => parentPort?.postMessage(one);
  turn = turn
    .then(() => answer(asked, tell))
    .catch((error: unknown) => tell({ id: asked.id, offers: [], error: reportError(error).message }));
});
