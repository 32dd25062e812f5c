import {
  createCompleter,
  type CompleteInput,
  type CompleterOptions,
  type ModelRequest,
  type RawAnswer,
} from '../../../src/completion/index.ts';

/** The text before the cursor of a request. */
export const beforeCursor = ({ prompt, begun = '', heal = '' }: ModelRequest): string =>
  prompt + begun + heal;

type Settings = Pick<CompleteInput, 'maxTokens' | 'debounceMs'>;

/** A model and a clock that the test controls. */
export function setUp({ maxTokens = 64, debounceMs, ...options }: Partial<CompleterOptions & Settings> = {}) {
  const requests: {
    ask: ModelRequest;
    signal: AbortSignal;
    /** Streams a piece of the answer. */
    stream: (piece: string, logprob?: number) => void;
    answer: (text: string, finishReason?: RawAnswer['finishReason']) => void;
    fail: (error: Error) => void;
  }[] = [];
  const pauses: { milliseconds: number; end: () => void }[] = [];
  let time = 0;
  const completer = createCompleter({
    request: (ask, signal, stream) =>
      new Promise((resolve, fail) => {
        const answer = (text: string, finishReason: RawAnswer['finishReason'] = 'stop') =>
          resolve({ text, finishReason });
        requests.push({ ask, signal, stream, answer, fail });
      }),
    fillInTheMiddle: () => false,
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
    maxTokens,
    debounceMs,
    ...more,
  });
  return { completer, requests, pauses, at, pass: (milliseconds: number) => (time += milliseconds) };
}

export const settle = () => new Promise((resolve) => setImmediate(resolve));

/** From a key press to its answer. */
export async function answered(
  { completer, requests, pauses, at }: ReturnType<typeof setUp>,
  before: string,
  text: string,
  more: Partial<CompleteInput> = {},
) {
  const promise = completer.complete(at(before, more));
  pauses.at(-1)!.end();
  await settle();
  requests.at(-1)!.answer(text);
  return promise;
}
