/** Token healing: the end of the text before the cursor is written anew, as a part of what the model would say there. */
import type { LlamaContextSequence, Token } from 'node-llama-cpp';
import type { Answer } from './answer.ts';
import type { Vocabulary } from './vocabulary.ts';

/**
 * Computes `rest` and writes tokens that begin with `text`, of those that can each time the likeliest; the last may say
 * more. Returns what is to be computed next: nothing where the answer has ended. Needs a vocabulary that is `exact`.
 */
export async function spell(
  text: string,
  sequence: LlamaContextSequence,
  rest: readonly number[],
  answer: Answer,
  vocabulary: Vocabulary,
  signal?: AbortSignal,
): Promise<readonly number[]> {
  let next = rest as readonly Token[];
  for (let left = text; left !== '';) {
    signal?.throwIfAborted();
    const outputs = await sequence.controlledEvaluate([
      ...next.slice(0, -1),
      [next.at(-1)!, { generateNext: { probabilities: true } }],
    ]);
    const likeliest = outputs.at(-1)?.next.probabilities?.keys() ?? [];
    const token = firstThatFits(left, likeliest, vocabulary) ?? sequence.model.tokenize(left)[0]!;
    left = left.slice(vocabulary.piece(token).length);
    if (answer.push(token)) return [];
    next = [token];
  }
  return next;
}

/** The first of `tokens` that says the beginning of `text`, or all of it and more. */
function firstThatFits(
  text: string,
  tokens: Iterable<Token>,
  { piece, ends }: Vocabulary,
): Token | undefined {
  for (const token of tokens) {
    const says = piece(token);
    if (says !== '' && !ends.has(token) && (says.startsWith(text) || text.startsWith(says))) return token;
  }
  return undefined;
}
