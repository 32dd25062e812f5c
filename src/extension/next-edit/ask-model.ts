/** Asks the model that completes to make the same edit at a place. */
import { extensionOf } from '../../corpus/reading/names.ts';
import { chanceOf, type Calibration } from '../../completion/chance.ts';
import {
  diffOf,
  lineInAnswer,
  offerOf,
  questionOf,
  type Candidate,
  type NameOf,
  type Offer,
} from '../../next-edit/index.ts';
import type { ServingClient } from '../../serving/client/client.ts';

/** `diff`: any model goes on with a diff. `task`: in the words of the `edits` task, to an adapter that learned it. */
export type Asking = 'diff' | 'task';

/** How likely a line of a diff is right by its log-probability, and the least that is shown (docs/science.md). */
const calibration: Calibration = { bias: 0, slope: 10 };
const LEAST = 0.3;
/** Tokens of a line, and of an answer in the words of the task, which is a line in a code fence. */
const MOST_TOKENS = { diff: 80, task: 90 } as const;

export interface AskOptions {
  serving: Pick<ServingClient, 'stream' | 'chat'>;
  /** Its name in requests. */
  model: string;
  asking: Asking;
  nameOf: NameOf;
  signal: AbortSignal;
}

/** What was answered, for measuring. */
export interface Answered {
  line: string;
  /** Natural logarithm of how likely. */
  logprob: number;
}

/** What the answer offers; undefined if it is not sure, or makes another edit. */
export function offerFrom(candidate: Candidate, { line, logprob }: Answered): Offer | undefined {
  return chanceOf(logprob, calibration) >= LEAST ? offerOf(candidate, line) : undefined;
}

/** The line that the model writes at the place, whatever it is. */
export const askModel = (candidate: Candidate, options: AskOptions): Promise<Answered | undefined> =>
  options.asking === 'diff' ? goOn(candidate, options) : answerTask(candidate, options);

async function goOn(candidate: Candidate, { serving, model, nameOf, signal }: AskOptions): Promise<Answered> {
  const { prompt, heal } = diffOf(candidate, nameOf);
  let logprob = 0;
  const text = await serving.stream(
    { model, prompt, heal, max_tokens: MOST_TOKENS.diff, stop: ['\n'], confidence: true },
    (_, confidence = 0) => (logprob += confidence),
    signal,
  );
  return { line: heal + text, logprob };
}

/** Stops the answer once it has the line, or is another. */
async function answerTask(
  candidate: Candidate,
  { serving, model, nameOf, signal }: AskOptions,
): Promise<Answered | undefined> {
  const language = extensionOf(candidate.place.path);
  const enough = new AbortController();
  let [answer, logprob] = ['', 0];
  let line: string | 'more' | undefined = 'more';
  const content = questionOf(candidate, nameOf, language);
  try {
    await serving.chat(
      {
        ...{ model, messages: [{ role: 'user', content }], temperature: 0 },
        ...{ max_tokens: MOST_TOKENS.task, confidence: true },
      },
      (piece, confidence = 0) => {
        answer += piece;
        logprob += confidence;
        line = lineInAnswer(answer);
        if (line !== 'more') enough.abort();
      },
      AbortSignal.any([signal, enough.signal]),
    );
  } catch (error) {
    if (!enough.signal.aborted) throw error;
  }
  return line === undefined || line === 'more' ? undefined : { line, logprob };
}
