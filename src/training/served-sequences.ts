/**
 * EXPERIMENT: training windows laid out as the editor's prompts, with the parts of other files that the editor would
 * choose.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Tokenizer } from '../llama-cpp/tokenizer.ts';
import { type Corpus, type CorpusSequences } from '../corpus/index.ts';
import { cutForFim, truncateCut } from '../corpus/tokens/fim.ts';
import { assemble, type TokenRun } from '../corpus/tokens/packing.ts';
import { fimMarks, repositoryMarks } from '../corpus/tokens/tokenizer.ts';
import type { Sequence } from '../corpus/tokens/sequences.ts';
import { uniform } from '../corpus/shuffle.ts';
import { originalText } from '../evaluation/cursors/corpus-files.ts';
import { ContextChooser } from '../evaluation/cursors/place.ts';
import { CorpusFiles } from '../evaluation/cursors/corpus-files.ts';
import { promptPath } from '../corpus/index.ts';
import { runSpecSchema } from '../protocol/run.ts';

/** Own tokens of a window: the file with its cut. */
const OWN = 510;

interface Place {
  path: string;
  text: string;
  begin: number;
  end: number;
  hiddenBefore: boolean;
  hiddenAfter: boolean;
}

export async function servedSequences(
  corpus: Corpus,
  tokenizer: Tokenizer,
  { sequenceLength: length, seed }: { sequenceLength: number; seed: number },
  mode: string,
): Promise<CorpusSequences> {
  const dir = (corpus as unknown as { dir: string }).dir;
  const spec = runSpecSchema.parse(JSON.parse(readFileSync(join(dirname(dir), 'run.json'), 'utf8')));
  const steps = spec.hyper.steps;
  const began = performance.now();
  const places: Place[] = [];
  for (const entry of corpus.documents) {
    if (entry.split !== 'train' || entry.tokens < 40) continue;
    const text = originalText(corpus.train.read(entry.offset, entry.tokens), tokenizer);
    const lines = text.split(/(?<=\n)/);
    let begin = 0;
    while (begin < lines.length) {
      let end = begin;
      let tokens = 0;
      while (end < lines.length) {
        const more = tokenizer.encode(lines[end]!).length;
        if (tokens + more > OWN - 40 && end > begin) break;
        tokens += more;
        end += 1;
      }
      if (tokens >= 40)
        places.push({
          path: entry.path,
          text,
          begin: lines.slice(0, begin).join('').length,
          end: lines.slice(0, end).join('').length,
          hiddenBefore: begin > 0,
          hiddenAfter: end < lines.length,
        });
      begin = end;
    }
  }
  const order = places
    .map((place, at) => ({ place, key: uniform(seed, 77, at) }))
    .sort((a, b) => a.key - b.key)
    .map(({ place }) => place);
  const files = new CorpusFiles(corpus, tokenizer, spec.folders);
  const chooser = await ContextChooser.open(files, undefined);
  const marks = fimMarks(tokenizer);
  const { opening, heading } = repositoryMarks(tokenizer);
  const made: Sequence[] = [];
  const room = length + 1;
  const asContext = (tokens: ArrayLike<number>): TokenRun => ({
    tokens: Int32Array.from(tokens),
    learned: new Uint8Array(tokens.length),
  });
  const shown = (tokens: ArrayLike<number>): TokenRun => ({ tokens: Int32Array.from(tokens) });
  const file = (tokens: ArrayLike<number>) => (mode === 'answer' ? asContext(tokens) : shown(tokens));
  let learned = 0;
  const perWindow = mode === 'none' ? Math.floor(room / (OWN + 2)) : 1;
  for (let index = 0; made.length < steps + 4; index += 1) {
    const runs: TokenRun[] = [];
    let left = room;
    for (let which = 0; which < perWindow; which += 1) {
      const number = index * perWindow + which;
      const place = order[number % order.length]!;
      let count = 0;
      const draw = () => uniform(seed, number, 5, (count += 1));
      const piece = place.text.slice(place.begin, place.end);
      const cut =
        draw() < 0.9
          ? cutForFim({ text: piece, hiddenBefore: place.hiddenBefore, hiddenAfter: place.hiddenAfter }, draw)
          : undefined;
      const middleAt = place.begin + (cut?.prefix.length ?? piece.length);
      const before = place.text.slice(0, middleAt);
      const rest = place.text.slice(middleAt + (cut?.middle.length ?? 0));
      const where = promptPath(spec, place.path);
      let parts: { path: string; text: string }[] = [];
      if (mode !== 'none') {
        const found = await chooser.choose(
          {
            kind: 'line',
            path: place.path,
            line: before.split('\n').length,
            column: 0,
            before: before.slice(-4000),
            actual: cut?.middle ?? '',
            after: rest.slice(0, 4000) || '\n',
            hidden: { before: Math.max(0, before.length - 4000), after: Math.max(0, rest.length - 4000) },
            place: where,
            others: [],
            wholeRepositories: true,
          },
          before + rest,
        );
        parts = found.map(({ filename, text }) => ({ path: filename ?? 'file', text }));
      }
      const roomHere = Math.floor(left / (perWindow - which));
      const enc = (text: string) => [...tokenizer.encode(text)];
      const own: TokenRun[] = [];
      if (cut) {
        const fitted = truncateCut(
          {
            prefix: tokenizer.encode(cut.prefix),
            middle: tokenizer.encode(cut.middle),
            suffix: tokenizer.encode(cut.suffix),
          },
          OWN,
        );
        own.push(
          asContext([marks.prefix]),
          file(fitted.prefix),
          asContext([marks.suffix]),
          file(fitted.suffix),
          asContext([marks.middle]),
          shown(fitted.middle),
          shown([tokenizer.eos]),
        );
      } else own.push(shown(enc(piece)), ...(place.hiddenAfter ? [] : [shown([tokenizer.eos])]));
      const lead = asContext([
        ...(tokenizer.start === undefined ? [] : [tokenizer.start]),
        ...opening(where.repository),
      ]);
      const ownHeading = asContext(heading(where.path));
      const size = (list: TokenRun[]) => list.reduce((sum, { tokens }) => sum + tokens.length, 0);
      let roomForParts = roomHere - size([lead, ownHeading, ...own]);
      const context: TokenRun[] = [];
      for (const { path, text } of parts) {
        const head = heading(path);
        const body = enc(text).slice(0, Math.max(0, roomForParts - head.length));
        if (body.length < 8) continue;
        context.push(asContext(head), mode === 'all' ? shown(body) : asContext(body));
        roomForParts -= head.length + body.length;
      }
      const all = [lead, ...context, ownHeading, ...own];
      const joined = { tokens: new Int32Array(size(all)), learned: new Uint8Array(size(all)) };
      let at = 0;
      for (const { tokens, learned } of all) {
        joined.tokens.set(tokens, at);
        if (learned) joined.learned.set(learned, at);
        else joined.learned.fill(1, at, at + tokens.length);
        at += tokens.length;
      }
      runs.push({ tokens: joined.tokens.subarray(0, left), learned: joined.learned.subarray(0, left) });
      left -= Math.min(left, joined.tokens.length);
    }
    if (left > 0) runs.push(asContext(new Int32Array(left).fill(tokenizer.eos)));
    const sequence = assemble(runs);
    made.push(sequence);
    learned += sequence.learned.reduce((sum, value) => sum + value, 0);
  }
  chooser.close();
  process.stderr.write(
    `SERVED ${mode}: ${made.length} windows of ${order.length} places in ${Math.round(performance.now() - began)} ms, ${Math.round(learned / made.length)} learned of ${length} (${randomUUID().slice(0, 4)})\n`,
  );
  return {
    length,
    perEpoch: made.length,
    at: (index: number) => made[index % made.length]!,
    cut: 0,
    dropped: 0,
  };
}
