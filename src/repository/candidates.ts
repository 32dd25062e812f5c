/** Finds candidates for a prompt: excerpts of files, each with a score. Pure. */
import { distinctWords, type SimilarWindows } from '../completion/index.ts';
import { linesOf, outlineOf, type Excerpt, type LineRange } from './excerpts.ts';
import { indexedLanguageOf } from './languages/index.ts';
import { nameHash, namesIn, namesUsed } from './names.ts';
import type { FoundDefinition, RepositoryIndex } from './repository-index.ts';
import { definitionsOf } from './symbols.ts';
import type { Asked } from '../protocol/repository.ts';

export interface Repository {
  index: RepositoryIndex;
  /** The text of a file as the index knows it; undefined if it can't be read. */
  text: (path: string) => string | undefined;
  /** Remembers the windows of the files it has seen; of WINDOW_LINES lines. */
  windows: SimilarWindows;
}

export const WINDOW_LINES = 24;
/** A window may be truncated at multiples of this many lines. */
const CHUNK = 6;

interface RepositoryWithNames extends Repository {
  lines: (path: string) => readonly string[] | undefined;
  /** Names in the text before and after the cursor, see namesUsed. */
  used: Uint32Array;
}

/** Lines around the cursor whose names are looked up, and how much less a name counts with each line of distance. */
const LINES = { before: 24, after: 6 };
const LINE_DECAY = 0.93;
const AFTER = 0.6;
/** A name with more definitions is too common. */
const MAX_DEFINITIONS = 24;
const IMPORTED = 2;
const SAME_NAME_HERE = 0.3;
/** Definitions with a lower score are probably unrelated. */
const MIN_SCORE = 0.2;
/** A name used in more files is too common to look for callers. */
const MAX_USERS = 40;
/** Characters around the cursor that other files are compared with: some 60 lines. */
const NEAR_CURSOR = { before: 1800, after: 600 };
const MAX_CALLERS = 3;
const MAX_IMPORTED = 4;
const MAX_SIMILAR = 4;
/** Number of names that decide which files are similar: those near the cursor that not every file uses. */
const MAX_NAMES = 60;
const COMMON_SHARE = 0.2;
const CALL = { before: 2, after: 3 };

/** Relative weight of each source's scores. */
const WEIGHT = { definitions: 1, own: 0.8, callers: 0.35, imports: 0.25, similar: 0.6 };

export function findCandidates(
  repository: Omit<RepositoryWithNames, 'used'>,
  asked: Asked,
  stems: readonly string[],
): Excerpt[] {
  const read = { ...repository, used: namesUsed(asked.before + asked.after) };
  const near = nearestFirst(read.index.imported(stems), asked.path);
  const imported = new Set(near.slice(0, 24));
  const names = weightedNames(asked);
  return [
    ...definitions(read, asked, names, imported),
    ...ownHead(read, asked),
    ...callers(read, asked),
    ...importedOutlines(read, asked, near),
    ...similar(read, asked, names, imported),
  ];
}

/** The names near the cursor: those on its line have weight 1, others less with each line of distance. */
function weightedNames({ before, after }: Asked): Map<string, number> {
  const weights = new Map<string, number>();
  const add = (line: string, weight: number) => {
    for (const name of namesIn(codeOf(line))) weights.set(name, Math.max(weight, weights.get(name) ?? 0));
  };
  const above = before.split('\n').slice(-LINES.before).reverse();
  for (const [distance, line] of above.entries()) add(line, LINE_DECAY ** distance);
  const below = after.split('\n', LINES.after);
  for (const [distance, line] of below.entries()) add(line, AFTER * LINE_DECAY ** distance);
  return weights;
}

/** A line without strings and comments, as far as these are visible within it. */
const codeOf = (line: string): string =>
  line
    .replace(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`/g, '""')
    .replace(/(?:^|\s)(?:\/\/|#(?!\s*(?:include|define|if))|\*\s|--\s).*$/, '');

/** Definitions of the names near the cursor, in other files and in parts of this one outside the prompt. */
function definitions(
  { index, used }: RepositoryWithNames,
  asked: Asked,
  names: ReadonlyMap<string, number>,
  imported: ReadonlySet<string>,
): Excerpt[] {
  const byHash = new Map([...names].map(([name, weight]) => [nameHash(name), weight]));
  const found = index.definitionsOf(new Set(byHash.keys()), MAX_DEFINITIONS);
  const language = grammarFamily(asked.path);
  const shown = shownLines(asked);
  return [...found].flatMap(([name, all]) => {
    const here = all.some(({ path }) => path === asked.path);
    const weight = byHash.get(name)! / Math.sqrt(all.length);
    return all
      .filter(
        (definition) =>
          grammarFamily(definition.path) === language && !isShown(definition, asked.path, shown),
      )
      .map((definition): Excerpt => {
        const own = definition.path === asked.path;
        const near = own || imported.has(definition.path) ? IMPORTED : here ? SAME_NAME_HERE : 1;
        const score = weight * near * nearness(asked.path, definition.path);
        const ranges = linesOf(definition, index.files.get(definition.path)!, used);
        return own
          ? { path: definition.path, ranges, source: 'own', score: score * WEIGHT.own }
          : { path: definition.path, ranges, source: 'definitions', score: score * WEIGHT.definitions };
      })
      .filter(({ score }) => score >= MIN_SCORE);
  });
}

/** The import statements of a file whose beginning the prompt does not show. */
function ownHead({ lines }: RepositoryWithNames, asked: Asked): Excerpt[] {
  const first = shownLines(asked)[0];
  const head = (first > 0 ? lines(asked.path) : undefined)?.slice(0, Math.min(first, 60)) ?? [];
  const ranges = head.flatMap((line, at): LineRange[] => (isImport(line) ? [[at, at + 1]] : []));
  return ranges.length > 0 ? [{ path: asked.path, ranges, source: 'own', score: WEIGHT.own }] : [];
}

const isImport = (line: string) => /^\s*(?:import|from|use|using|require|#\s*include)\b/.test(line);

/** Lines that call the function in which the cursor is. */
function callers({ index, lines }: RepositoryWithNames, { path, line }: Asked): Excerpt[] {
  const own = index.files.get(path);
  const around =
    own && definitionsOf(own).findLast((definition) => definition.line <= line && definition.end >= line - 1);
  if (!around || around.kind === 'value') return [];
  const name = namesIn(
    lines(path)
      ?.slice(around.line, around.signatureEnd + 1)
      .join('\n') ?? '',
  ).find((definition) => nameHash(definition) === around.name);
  if (name === undefined) return [];
  const all = index.usersOf(around.name, MAX_USERS);
  const users = nearestFirst(all, path).filter(
    (file) => file !== path && grammarFamily(file) === grammarFamily(path),
  );
  return users.slice(0, MAX_CALLERS * 2).flatMap((user, rank) => {
    const text = lines(user) ?? [];
    const at = text.findIndex((line) => line.includes(name) && calls(codeOf(line), name));
    if (at < 0) return [];
    const ranges: LineRange[] = [[Math.max(0, at - CALL.before), at + CALL.after]];
    return [{ path: user, ranges, source: 'callers' as const, score: WEIGHT.callers / (1 + rank) }];
  });
}

/** Whether a line of code calls a function or instantiates a class. */
const calls = (line: string, name: string): boolean => {
  const word = name.replaceAll('$', '\\$');
  return (
    new RegExp(`(?<![\\w$])${word}(?:<[^()]*>)?\\s*\\(`).test(line) &&
    !new RegExp(`\\b(?:def|function|func|fn|class)\\s+${word}\\b`).test(line)
  );
};

/** The definitions in imported files. */
function importedOutlines(
  { index, used }: RepositoryWithNames,
  { path }: Asked,
  nearest: readonly string[],
): Excerpt[] {
  return nearest
    .filter((file) => file !== path)
    .slice(0, MAX_IMPORTED)
    .map((file, rank) => ({
      path: file,
      ranges: outlineOf(index.files.get(file)!, used),
      source: 'imports' as const,
      score: WEIGHT.imports / (1 + rank * 0.2),
    }));
}

/** Windows of the files that use the same rare names. */
function similar(
  read: RepositoryWithNames,
  asked: Asked,
  names: ReadonlyMap<string, number>,
  imported: ReadonlySet<string>,
): Excerpt[] {
  const candidates = filesBySharedNames(read.index, asked.path, [...names.keys()], imported);
  const around = distinctWords(
    asked.before.slice(-NEAR_CURSOR.before) + asked.after.slice(0, NEAR_CURSOR.after),
  );
  return candidates.slice(0, MAX_SIMILAR).flatMap((path) => {
    const text = read.text(path);
    const best = text !== undefined && read.windows.best({ path, text }, around);
    if (!best) return [];
    const [from, to] = linesBetween(text, best.from, best.to);
    const ranges = chunked(from, to);
    return [{ path, ranges, source: 'similar' as const, score: WEIGHT.similar * 4 * best.similarity }];
  });
}

const chunked = (from: number, to: number): LineRange[] =>
  Array.from({ length: Math.ceil((to - from) / CHUNK) }, (_, index) => [
    from + index * CHUNK,
    Math.min(to, from + (index + 1) * CHUNK),
  ]);

/** The files that share most of the rarest names, each weighed by how rare it is. */
function filesBySharedNames(
  index: RepositoryIndex,
  own: string,
  names: readonly string[],
  imported: ReadonlySet<string>,
): string[] {
  const hashes = names.slice(0, MAX_NAMES).map(nameHash);
  const most = Math.max(COMMON_SHARE * index.size, MAX_USERS);
  const users = hashes.map((hash) => index.usersOf(hash, most));
  const scores = new Map<string, number>();
  for (const paths of users) {
    const weight = Math.log(index.size / Math.max(1, paths.length));
    if (weight <= 0) continue;
    for (const path of paths) scores.set(path, (scores.get(path) ?? 0) + weight);
  }
  scores.delete(own);
  const size = (path: string) => index.files.get(path)!.names.length;
  const scored = [...scores].map(([path, shared]) => ({
    path,
    // A long file uses many names.
    score: (shared * (imported.has(path) ? 1.3 : 1) * nearness(own, path)) / Math.log(20 + size(path)),
  }));
  return scored
    .filter(({ path }) => grammarFamily(path) === grammarFamily(own))
    .sort((a, b) => b.score - a.score)
    .map(({ path }) => path);
}

function linesBetween(text: string, from: number, to: number): LineRange {
  const first = countBreaks(text, 0, from);
  return [first, first + countBreaks(text, from, to) + (text[to - 1] === '\n' ? 0 : 1)];
}

function countBreaks(text: string, from: number, to: number): number {
  let count = 0;
  for (let at = text.indexOf('\n', from); at >= 0 && at < to; at = text.indexOf('\n', at + 1)) count += 1;
  return count;
}

/** First and last line, from 0, of the part of the file that the prompt shows anyway. */
function shownLines({ before, after, line, shown }: Asked): [number, number] {
  const above = countBreaks(before.slice(-shown.before), 0, Infinity);
  const below = countBreaks(after.slice(0, shown.after), 0, Infinity);
  return [before.length <= shown.before ? line - above : line - above + 1, line + below];
}

const isShown = (
  definition: FoundDefinition,
  own: string,
  [first, last]: readonly [number, number],
): boolean => definition.path === own && definition.end >= first && definition.line <= last;

/** Grammars of languages that use each other's definitions. */
function grammarFamily(path: string): string {
  const grammar = indexedLanguageOf(path)?.grammar ?? '';
  return ['javascript', 'typescript', 'tsx'].includes(grammar) ? 'script' : grammar;
}

/** 1 in the same folder, less with each folder in between. */
function nearness(from: string, to: string): number {
  const [a, b] = [from.split('/'), to.split('/')];
  let shared = 0;
  while (shared < Math.min(a.length, b.length) - 1 && a[shared] === b[shared]) shared += 1;
  return 1 / (1 + 0.1 * (a.length + b.length - 2 - 2 * shared));
}

function nearestFirst(paths: readonly string[], from: string): string[] {
  return paths
    .map((path) => ({ path, near: nearness(from, path) }))
    .sort((a, b) => b.near - a.near || (a.path < b.path ? -1 : 1))
    .map(({ path }) => path);
}
