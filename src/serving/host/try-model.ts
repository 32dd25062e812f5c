/**
 * The process `node dist/try-model.mjs FILE BYTES vocabulary|whole`: opens a model like tokenizers and servers do, and
 * reports the result to tried-models.ts. llama.cpp may crash it, and it exits if it takes too much time or memory.
 */
import type { LlamaModel, Token } from 'node-llama-cpp';
import { loadWithoutTrial } from '../../llama-cpp/llama.ts';
import type { Opening } from '../../llama-cpp/tried-models.ts';
import { reportError, UserError } from '../../text/errors.ts';
import { limitProcess } from '../../platform/processes/own-limits.ts';
import type { Tried } from '../../protocol/tried-model.ts';
import { readVocabulary } from '../tokens/vocabulary.ts';
import { contextOptions } from './model-context.ts';

/** Allows for a slow disk: 25 MB per second. */
const limitsFor = (bytes: number) => ({ milliseconds: 20_000 + bytes / 25_000, memory: 1e9 + 2 * bytes });

/** All bytes that occur in UTF-8, with characters of all lengths, and runs of letters, white space and digits. */
function sampleText(): string {
  const step = 67;
  const codes = [...range(0, 0x800, 1), ...range(0x800, 0xd800, step), ...range(0xe000, 0x11_0000, 4 * step)];
  const characters = codes.map((code) => String.fromCodePoint(code)).join('');
  return `${characters}${'a'.repeat(300)}${' '.repeat(300)}${'7'.repeat(40)}\nfunction f(a, b) {\n\treturn a + b;\n}\n`;
}

const range = (from: number, to: number, step: number) =>
  Array.from({ length: Math.ceil((to - from) / step) }, (_, index) => from + index * step);

/** Tokenizes all kinds of text, and detokenizes all tokens. */
function useVocabulary(model: LlamaModel): Token[] {
  const { size } = readVocabulary(model);
  const text = sampleText();
  const tokens = [
    ...model.tokenize('', false),
    ...model.tokenize(text, true),
    ...model.tokenize(text, false),
  ];
  const all = range(0, size, 1) as Token[];
  for (const special of [true, false]) model.detokenize(all, special);
  return tokens;
}

const CONTEXT = 64;
const PROMPT_TOKENS = 24;

/** Computes a few tokens of a prompt and an answer, with the sampling that requests use. */
async function compute(model: LlamaModel, prompt: Token[]): Promise<void> {
  const options = contextOptions({ contextSize: CONTEXT, sequences: 1, threads: 1 });
  const context = await model.createContext({ ...options, batchSize: PROMPT_TOKENS });
  const sequence = context.getSequence();
  const read = prompt.slice(-PROMPT_TOKENS);
  for (const temperature of [0, 1]) {
    await sequence.clearHistory();
    let written = 0;
    for await (const token of sequence.evaluate(read, { temperature, yieldEogToken: true }))
      if (token >= 0 && ++written >= 2) break;
  }
  await sequence.controlledEvaluate([[read[0]!, { generateNext: { probabilities: true } }]]);
}

async function open(path: string, opening: Opening): Promise<void> {
  const model = await loadWithoutTrial({ path }, opening === 'vocabulary' ? { vocabOnly: true } : {});
  const tokens = useVocabulary(model);
  if (opening === 'whole') await compute(model, tokens);
}

const [path = '', bytes, opening] = process.argv.slice(2);
limitProcess(limitsFor(Number(bytes)));
const result = await open(path, opening as Opening).then(
  (): Tried => ({ type: 'opens' }),
  (error: unknown): Tried => {
    if (error instanceof UserError) return { type: 'failed', ...reportError(error) };
    return { type: 'refused', why: reportError(error).message };
  },
);
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit());
