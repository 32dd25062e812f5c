/**
 * What each source of snippets in the prompt is worth, measured by leaving it out: `npm run bench:context -- --base
 * FILE --folder FOLDER [--cursors 40] [--budget 1600] [--before 2400] [--after 600] [--threads 2] [--without
 * definitions,own] [--share definitions=0.3]... [--json]`. If interrupted, it shows partial results.
 *
 * The folder is indexed as in the editor. At held-out cursors in its files, the model gets the prompt that completion
 * would send, with all sources, without each, and with none, and the likelihood of the actual text is measured.
 * Snippets never include the file's own text after the cursor. Edits require a user and an editor, so they are not
 * measured. `--without`: the sources to leave out, by default each; `--share`: additionally, all sources with one
 * limited to this share of the budget.
 */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { LlamaContextSequence, LlamaModel, Token } from 'node-llama-cpp';
import { loadLlamaModel } from '../src/llama-cpp/llama.ts';
import { openTokenizer, type Tokenizer } from '../src/llama-cpp/tokenizer.ts';
import {
  defaultBudget,
  languageIdForPath,
  type ContextBudget,
  type ContextFile,
} from '../src/completion/index.ts';
import { requestAt } from '../src/evaluation/cursors/completion.ts';
import { buildContinuation } from '../src/evaluation/cursors/continuations.ts';
import { findCursors, type Cursor } from '../src/evaluation/cursors/cursors.ts';
import { partSources, type PartSource } from '../src/protocol/repository.ts';
import { defaultShares, type Shares } from '../src/repository/choose.ts';
import { FolderIndex } from '../src/repository/folder-index.ts';
import { SymbolParser } from '../src/repository/parser.ts';
import { uniform } from '../src/statistics/random.ts';
import { pairedIntervals } from '../src/statistics/intervals.ts';

const SOURCE = /\.(?:py|[cm]?[jt]sx?|go|rs|java|c|cc|cpp|cs|rb|php)$/;
const CONTEXT_TOKENS = 4096;
const NONE = { before: 0, after: 0 };
const measured = partSources.filter((source) => source !== 'edits');

/** Bits that the model needs for the actual text at one cursor, and its bytes. */
interface Scored {
  path: string;
  bits: number;
  bytes: number;
}

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      base: { type: 'string' },
      folder: { type: 'string' },
      cursors: { type: 'string', default: '40' },
      budget: { type: 'string', default: String(defaultBudget.others) },
      before: { type: 'string', default: String(defaultBudget.before) },
      after: { type: 'string', default: String(defaultBudget.after) },
      threads: { type: 'string', default: '2' },
      without: { type: 'string', default: measured.join() },
      share: { type: 'string', multiple: true, default: [] },
      json: { type: 'boolean', default: false },
    },
  });
  if (!values.base || !values.folder)
    throw new Error('Give --base FILE and --folder FOLDER with code that the base was not tuned on.');
  const home = await mkdtemp(join(tmpdir(), 'fmn-bench-context-'));
  process.env['FORGET_ME_NOT_HOME'] = home;
  try {
    const budget = {
      before: Number(values.before),
      after: Number(values.after),
      others: Number(values.budget),
    };
    const variants = variantsOf(values.without.split(',').filter(Boolean), values.share);
    const places = await placesOf(values.folder, Number(values.cursors), budget, variants);
    const model = await Model.load(resolve(values.base), Number(values.threads), budget);
    const scored = await score(places, model);
    const results = table(scored);
    if (values.json) console.log(JSON.stringify(results));
    else console.table(results);
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

interface Variant {
  name: string;
  sources: readonly PartSource[];
  shares?: Shares;
}
interface Place {
  cursor: Cursor;
  repository: string;
  /** By variant. */
  contexts: Map<string, readonly ContextFile[]>;
}

function variantsOf(without: readonly string[], shares: readonly string[]): Variant[] {
  const known = (name: string) => measured.find((source) => source === name) ?? unknown(name);
  const leftOut = without.map(known).map((source) => ({
    name: `without ${source}`,
    sources: measured.filter((other) => other !== source),
  }));
  const changed = shares.map((text) => {
    const [name = '', share] = text.split('=');
    return { name: text, sources: measured, shares: { ...defaultShares, [known(name)]: Number(share) } };
  });
  return [{ name: 'all', sources: measured }, { name: 'none', sources: [] }, ...leftOut, ...changed];
}

function unknown(name: string): never {
  throw new Error(`There is no source ${name}. Give some of ${measured.join(', ')}.`);
}

async function placesOf(
  folder: string,
  count: number,
  budget: Required<ContextBudget>,
  variants: readonly Variant[],
): Promise<Place[]> {
  const stop = new AbortController();
  const parser = await SymbolParser.open({ folder: resolve('dist/grammars'), onProblem: console.error });
  const index = await FolderIndex.open(folder, { parser, signal: stop.signal, onProblem: console.error });
  await index.scan();
  const cursors = await mixedCursors(folder, count);
  return cursors.flatMap(({ cursor, text }) => {
    const at = text.indexOf(cursor.before + cursor.actual);
    if (at < 0) return [];
    const end = at + cursor.before.length;
    const asked = {
      path: cursor.path,
      languageId: languageIdForPath(cursor.path),
      line: cursor.line - 1,
      before: text.slice(0, end),
      after: cursor.after,
      budget: budget.others,
      edits: [],
      shown: { before: budget.before, after: budget.after },
    };
    const contexts = new Map(
      variants.map(({ name, sources, shares }) => [
        name,
        index
          .parts({ ...asked, sources: [...sources] }, shares)
          .map(({ filename, text: part }) => ({ filename, text: part })),
      ]),
    );
    return [{ cursor, repository: basename(resolve(folder)), contexts }];
  });
}

/**
 * Line cursors and (a third) block cursors, each with the text of its file; all code in the folder counts as held out.
 * Shuffled, so that an interrupted run has some of each kind and of most files.
 */
async function mixedCursors(folder: string, count: number): Promise<{ cursor: Cursor; text: string }[]> {
  const names = (await readdir(folder, { recursive: true })).filter((name) => SOURCE.test(name)).sort();
  const texts = new Map<string, string>();
  for (const name of names) texts.set(name, await readFile(join(folder, name), 'utf8'));
  const documents = names.map((file) => ({ file, fromLine: 1, text: () => texts.get(file)! }));
  const line = Math.ceil((2 / 3) * count);
  const random = uniform(7);
  return findCursors(documents, { line, block: count - line })
    .map((cursor) => ({ cursor, text: texts.get(cursor.path)!, at: random() }))
    .sort((a, b) => a.at - b.at);
}

async function score(places: readonly Place[], model: Model): Promise<Map<string, Scored[]>> {
  const scored = new Map<string, Scored[]>();
  let stopped = false;
  process.once('SIGINT', () => (stopped = true));
  for (const [index, { cursor, repository, contexts }] of places.entries()) {
    if (stopped) break;
    const known = new Map<string, Scored>();
    for (const [variant, others] of contexts) {
      const key = JSON.stringify(others);
      const score = known.get(key) ?? (await model.score(cursor, repository, others));
      known.set(key, score);
      scored.set(variant, [...(scored.get(variant) ?? []), score]);
    }
    process.stderr.write(`\r${index + 1} of ${places.length} `);
  }
  process.stderr.write('\n');
  return scored;
}

class Model {
  private constructor(
    private readonly model: LlamaModel,
    private readonly tokenizer: Tokenizer,
    private readonly threads: number,
    private readonly budget: ContextBudget,
  ) {}

  static async load(modelPath: string, threads: number, budget: ContextBudget): Promise<Model> {
    const model = await loadLlamaModel({ path: modelPath });
    return new Model(model, await openTokenizer(modelPath), threads, budget);
  }

  private opened: Promise<LlamaContextSequence> | undefined;

  private async open(): Promise<LlamaContextSequence> {
    const { model, threads } = this;
    return (await model.createContext({ contextSize: CONTEXT_TOKENS, threads })).getSequence();
  }

  async score(cursor: Cursor, repository: string, others: readonly ContextFile[]): Promise<Scored> {
    const sequence = await (this.opened ??= this.open());
    const place = { repository, path: cursor.path };
    const options = { fillInTheMiddle: () => true, maxTokens: 1, model: '', budget: this.budget };
    const request = await requestAt(
      { ...cursor, place, others, hidden: NONE, wholeRepositories: true },
      options,
    );
    if (!request) return { path: cursor.path, bits: 0, bytes: 0 };
    const {
      tokens,
      answerTokens: counted,
      bytes,
    } = buildContinuation(request, cursor.actual, this.tokenizer, CONTEXT_TOKENS);
    const split = tokens.length - counted - 1;
    await sequence.adaptStateToTokens(tokens.slice(0, split) as Token[], false);
    const rest = tokens.slice(sequence.nextTokenIndex, split);
    if (rest.length > 0) await sequence.evaluateWithoutGeneratingNewTokens(rest as Token[]);
    const outputs = await sequence.controlledEvaluate(
      tokens.slice(split, -1).map((token) => [token as Token, { generateNext: { probabilities: true } }]),
    );
    let bits = 0;
    for (const [at, output] of outputs.entries())
      bits -= Math.log2(output?.next.probabilities?.get(tokens[split + 1 + at] as Token) ?? 1e-9);
    return { path: cursor.path, bits, bytes };
  }
}

/** Bits per byte with all sources, and how many more are needed without one, with 95% intervals. */
function table(scored: ReadonlyMap<string, readonly Scored[]>) {
  const items = (variant: string) =>
    scored.get(variant)!.map(({ path, bits, bytes }) => ({ sum: bits, weight: bytes, document: path }));
  const all = items('all');
  const bitsPerByte = (some: typeof all) =>
    some.reduce((total, { sum }) => total + sum, 0) / some.reduce((total, { weight }) => total + weight, 0);
  const rounded = (value: number) => Number(value.toFixed(4));
  const rows = [...scored.keys()].filter((variant) => variant !== 'all');
  return {
    all: { bitsPerByte: rounded(bitsPerByte(all)), cursors: all.length },
    ...Object.fromEntries(
      rows.map((variant) => {
        const own = items(variant);
        const { difference: delta } = pairedIntervals(all, own);
        const differ = own.filter(({ sum }, index) => sum !== all[index]!.sum).length;
        return [
          variant,
          {
            bitsPerByte: rounded(bitsPerByte(own)),
            more: [delta.value, delta.low, delta.high].map(rounded).join(' '),
            differ,
          },
        ];
      }),
    ),
  };
}
