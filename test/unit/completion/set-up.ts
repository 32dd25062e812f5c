import {
  createCompleter,
  type CompleteInput,
  type CompleterOptions,
  type ModelRequest,
} from '../../../src/completion/index.ts';

/** The text before the cursor that a request is about. */
export const beforeCursor = ({ prompt, begun = '', heal = '' }: ModelRequest): string =>
  prompt + begun + heal;

/** A model whose answers the test gives, and a clock that it winds. */
export function setUp(options: Partial<CompleterOptions> = {}) {
  const asks: {
    ask: ModelRequest;
    signal: AbortSignal;
    /** A piece of the answer. */
    say: (piece: string, logprob?: number) => void;
    answer: (text: string) => void;
    fail: (error: Error) => void;
  }[] = [];
  const pauses: { milliseconds: number; end: () => void }[] = [];
  let time = 0;
  const completer = createCompleter({
    request: (ask, signal, say) =>
      new Promise((answer, fail) => asks.push({ ask, signal, say, answer, fail })),
    fillInTheMiddle: () => false,
    maxTokens: () => 64,
    now: () => time,
    sleep: (milliseconds) => new Promise((end) => pauses.push({ milliseconds, end })),
    ...options,
  });
  const at = (before: string, more: Partial<CompleteInput> = {}): CompleteInput => ({
    path: 'a.ts',
    languageId: 'typescript',
    before,
    after: '',
    adapter: 'mine',
    ...more,
  });
  return { completer, asks, pauses, at, pass: (milliseconds: number) => (time += milliseconds) };
}

export const settle = () => new Promise((resolve) => setImmediate(resolve));

/** From key to answer. */
export async function answered(
  { completer, asks, pauses, at }: ReturnType<typeof setUp>,
  before: string,
  text: string,
  more: Partial<CompleteInput> = {},
) {
  const promise = completer.complete(at(before, more));
  pauses.at(-1)!.end();
  await settle();
  asks.at(-1)!.answer(text);
  return promise;
}
