/** Finds the places that need the same edit as the recent ones. */
import { byLine } from './by-line.ts';
import { changesOf, tokensBetween, type TokenChange } from './changes.ts';
import { continuedAt } from './continued.ts';
import type { Edit, Replacement } from './edit.ts';
import { isSensible } from './in-scope.ts';
import { findPlaces } from './match.ts';
import {
  commonPattern,
  isSameEdit,
  isVague,
  keyOf,
  linePattern,
  renamePattern,
  type ChangeGroup,
  type Pattern,
  type TokenPattern,
  type Why,
} from './pattern.ts';
import { blockAround, scopeOf } from './rename.ts';
import { lineEditOf, commonShape } from './shape.ts';
import { withTokens, type TextWithTokens } from './tokens.ts';

/** A text that is searched. */
export interface SearchedText {
  path: string;
  languageId: string;
  text: string;
}

/** A place that needs the same edit: parts of one line, or whole lines. */
export interface Offer {
  path: string;
  /** Its line in the text that was searched, from 0. */
  line: number;
  /** Ordered, without overlaps. */
  parts: readonly Replacement[];
  why: Why;
  /** The pattern's key; the same for all places that need the same edit. */
  pattern: string;
  /** To be shown only once another offer of its pattern was accepted. */
  isTentative?: true;
  /** Of an import: what it is called, and the offset where the use of the name ends. It is applied from there. */
  import?: { title: string; at: number };
}

export interface FindOptions {
  /** The text that the user is looking at, and the cursor's offset in it. */
  path: string;
  place: number;
  /** Where the newest change in that text ended; by default, at the cursor. */
  editedAt?: number;
  /** In ms of `performance.now()`; then returns what was found so far. */
  deadline?: number;
  most?: number;
  /** Patterns that the user has dismissed. */
  unwanted?: ReadonlySet<string>;
}

/** Number of newest edits that patterns are made of. */
const MAX_EDITS = 12;
/** A pattern needs at least one edit among the last this many. */
const NEWEST_EDITS = 2;
/** A pattern that matches more often is too vague. */
const MAX_PLACES = 200;
const MAX_OFFERS = 100;

/** Patterns of the edits, likeliest first. `documents`: the texts in which the edits were made. */
export function patternsOf(
  edits: readonly Edit[],
  documents: ReadonlyMap<string, TextWithTokens>,
): Pattern[] {
  const blockOf = (path: string, at: number) => ({ path, ...blockAround(documents.get(path)!.text, at) });
  const newest = [...edits].sort((a, b) => b.time - a.time).slice(0, MAX_EDITS);
  const lineEdits = newest.flatMap((edit, age) => byLine(edit).map((line) => ({ edit: line, age })));
  const changed = lineEdits.flatMap(({ edit, age }) => {
    const document = documents.get(edit.path);
    return document
      ? [{ edit, age, document, changes: changesOf(edit, document.text, document.tokens) }]
      : [];
  });
  const renames = changed.flatMap(({ changes, document }) =>
    changes.flatMap((change) => renameOf(change, document, edits)),
  );
  const groups = changed.flatMap(({ changes, edit, age }) =>
    groupsOf(changes, edit).map((group) => ({ group, age })),
  );
  const repeated = pairsOf(groups).flatMap(([first, other]) => {
    const pattern = commonPattern(first.group, other.group);
    if (!pattern) return [];
    const near = [first.group, other.group].map(({ path, at }) => blockOf(path, at));
    return [isVague(pattern) ? { ...pattern, near } : pattern];
  });
  // Each renamed use is also a change by itself, which must not apply outside the name's scope.
  const others = repeated.filter((pattern) => !renames.some((rename) => isSameStep(pattern, rename)));
  const forms = lineEdits.flatMap(({ edit, age }) => {
    const form = lineEditOf(edit);
    return form ? [{ ...form, age }] : [];
  });
  const shapes = pairsOf(forms).flatMap(([first, other]) => commonShape(first, other) ?? []);
  const lines = newest.flatMap((edit) => linePattern(edit, edits) ?? []);
  return [...renames, ...withoutDuplicates([...others, ...shapes, ...lines])];
}

/** Pairs with at least one of the newest edits. */
const pairsOf = <T extends { age: number }>(all: readonly T[]): [T, T][] =>
  all.flatMap((item, index) =>
    item.age >= NEWEST_EDITS ? [] : all.slice(index + 1).map((other): [T, T] => [item, other]),
  );

/** Removes duplicate patterns, keeping the one observed at the nearest places, with the surroundings of all. */
function withoutDuplicates(patterns: readonly Pattern[]): Pattern[] {
  const byKey = new Map<string, Pattern>();
  for (const pattern of patterns) {
    const key = JSON.stringify({ ...pattern, seen: undefined, alike: undefined });
    const known = byKey.get(key) ?? pattern;
    const nearest = spanOf(pattern) < spanOf(known) ? pattern : known;
    byKey.set(key, known === pattern ? pattern : { ...nearest, ...commonSurroundings(known, pattern) });
  }
  return [...byKey.values()];
}

const commonSurroundings = (...patterns: Pattern[]): Pick<TokenPattern, 'alike'> => {
  const alike = patterns.flatMap((pattern) => (pattern.kind === 'tokens' ? (pattern.alike ?? []) : []));
  return alike.length > 0 ? { alike } : {};
};

const isRename = (pattern: Pattern) => pattern.kind === 'tokens' && pattern.scope !== undefined;

const spanOf = (pattern: Pattern) => (pattern.seen ? pattern.seen.to - pattern.seen.from : 0);

/** All changes of an edit combined, if they are near each other, and each by itself. */
function groupsOf(changes: readonly TokenChange[], { path }: Edit): ChangeGroup[] {
  const alone = changes.map((change) => ({ path, at: change.at, changes: [change], between: [] }));
  if (changes.length < 2) return alone;
  const between = changes.slice(1).map((change, index) => tokensBetween(changes[index]!, change));
  const isNear = between.every((kept) => kept !== undefined);
  return isNear ? [{ path, at: changes[0]!.at, changes, between }, ...alone] : alone;
}

const isSameStep = ({ steps: [step, ...more] }: TokenPattern, { steps: [other] }: TokenPattern) =>
  more.length === 0 && step!.old.join() === other!.old.join() && step!.now.join() === other!.now.join();

function renameOf(change: TokenChange, document: TextWithTokens, edits: readonly Edit[]): TokenPattern[] {
  const written = edits.filter(({ path }) => path === document.path);
  const scope = scopeOf(change, document, written);
  return scope ? [renamePattern(change, scope)] : [];
}

/** The offers found, and a search in further texts. */
export interface SearchResult {
  offers: Offer[];
  /** The keys of the patterns that the edit in the cursor's line is part of. */
  continued: string[];
  /** The patterns that can match in unedited texts, with those that would match the same places merged. */
  spreading: string[];
  /** The offers in a further text. */
  inText(text: SearchedText): Offer[];
}

/**
 * The places that need the same edit, nearest first: in the document at `options.path` from the cursor down, then above
 * it, then in the other texts in their order. `texts` must include all edited ones.
 */
export function search(
  edits: readonly Edit[],
  texts: Iterable<SearchedText>,
  { path, place, editedAt = place, deadline = Infinity, most = MAX_OFFERS, unwanted }: FindOptions,
): SearchResult {
  const edited = new Set(edits.map((edit) => edit.path));
  const documents = new Map<string, TextWithTokens>();
  const rest: SearchedText[] = [];
  for (const text of texts)
    if (edited.has(text.path) || text.path === path) documents.set(text.path, withTokens(text));
    else rest.push(text);
  const patterns = patternsOf(edits, documents).filter((pattern) => !unwanted?.has(keyOf(pattern)));
  const spreading = patterns.filter((pattern) => spreads(pattern, edits));
  const inText = (text: SearchedText) =>
    spreading.some((pattern) => mayFit(pattern, text.text)) ? offersIn(withTokens(text), spreading) : [];
  const offers: Offer[] = [];
  const own = documents.get(path);
  const others = [...documents.values()].filter((text) => text !== own);
  if (patterns.length > 0) {
    const found = own ? offersIn(own, patterns) : [];
    const isBelow = ({ parts }: Offer) => parts[0]!.start >= place;
    offers.push(...found.filter(isBelow), ...found.filter((offer) => !isBelow(offer)));
    for (const text of others)
      if (performance.now() <= deadline) offers.push(...offersIn(text, patterns).map(inFileThatWasLeft));
    for (const text of rest)
      if (performance.now() <= deadline && offers.length < most) offers.push(...inText(text));
  }
  const continued = own ? continuedAt(editedAt, edits, own, patterns).map(keyOf) : [];
  return { offers: offers.slice(0, most), continued, spreading: spreading.map(spreadKey), inText };
}

/**
 * The user has been in that file and has left it, presumably finished: what they did by hand elsewhere is seldom missing
 * there. A renamed name is.
 */
const inFileThatWasLeft = (offer: Offer): Offer =>
  offer.why === 'rename' ? offer : { ...offer, isTentative: true };

/** Whether a pattern also applies to texts that were not edited. One that was observed in a single file rarely does. */
function spreads(pattern: Pattern, edits: readonly Edit[]): boolean {
  if (pattern.kind === 'shape') return true;
  if (pattern.kind === 'lines') {
    const example = { before: pattern.old.join('\n'), after: pattern.now.join('\n') };
    return new Set(edits.filter((edit) => isSameEdit(edit, example)).map(({ path }) => path)).size > 1;
  }
  const { near, alike, scope, seen } = pattern;
  return !near && !alike && scope?.isShared !== false && !seen;
}

/** Everything that determines where a pattern matches in other texts. */
const spreadKey = (pattern: Pattern): string =>
  JSON.stringify({
    ...pattern,
    seen: undefined,
    // Its offsets change with every key.
    ...(pattern.kind === 'tokens' && { scope: pattern.scope && [pattern.scope.path, pattern.scope.member] }),
  });

/** Whether a text contains what the pattern replaces: quick, and without tokens. */
function mayFit(pattern: Pattern, text: string): boolean {
  if (pattern.kind === 'lines') return pattern.old.every((line) => text.includes(line.trim()));
  if (pattern.kind === 'shape')
    return pattern.old.every((part) => typeof part === 'number' || text.includes(part));
  return [...pattern.left, ...pattern.steps.flatMap(({ old }) => old), ...pattern.right].every((token) =>
    text.includes(token),
  );
}

/** The offers in one text, in order. If patterns conflict at a place, the first pattern wins. */
function offersIn(document: TextWithTokens, patterns: readonly Pattern[]): Offer[] {
  const replacements: (Replacement & { from: Pattern })[] = [];
  for (const pattern of patterns) {
    if (!mayFit(pattern, document.text)) continue;
    const places = findPlaces(pattern, document);
    const most = pattern.kind === 'lines' ? pattern.most : MAX_PLACES;
    if (places.length > most || isPassedOver(pattern, document, places)) continue;
    for (const place of places)
      if (
        !replacements.some((other) => overlaps(other, place)) &&
        (isRename(pattern) || isSensible(place, document, pattern.why))
      )
        replacements.push({ ...place, from: pattern });
  }
  replacements.sort((a, b) => a.start - b.start);
  const offers: (Offer & { parts: Replacement[] })[] = [];
  let [line, at] = [0, 0];
  for (const { from, ...part } of replacements) {
    for (let next = document.text.indexOf('\n', at); next >= 0 && next < part.start;) {
      [line, at] = [line + 1, next + 1];
      next = document.text.indexOf('\n', at);
    }
    const last = offers.at(-1);
    const pattern = keyOf(from);
    if (last?.line === line && last.pattern === pattern) last.parts.push(part);
    else
      offers.push({
        path: document.path,
        line,
        parts: [part],
        pattern,
        why: from.why,
      });
  }
  return offers;
}

/** Whether the user edited two such places and skipped others between them. */
function isPassedOver(pattern: Pattern, { path }: TextWithTokens, places: readonly Replacement[]): boolean {
  const { seen } = pattern;
  if (seen?.path !== path) return false;
  return places.some(({ start }) => start > seen.from && start < seen.to);
}

const overlaps = (a: Replacement, b: Replacement) =>
  (a.start < b.end && b.start < a.end) || (a.start === b.start && a.end === b.end);
