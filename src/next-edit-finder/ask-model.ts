/** Asks the model that completes to make the same edit at a place. */
import { fileExtension } from '../corpus/names.ts';
import {
  diffOf,
  lineInAnswer,
  offerOf,
  questionOf,
  type Candidate,
  type NameOf,
  type Offer,
} from '../next-edit/index.ts';
import type { ServingClient } from '../serving/client/client.ts';

/**
 * `diff`: any model goes on with a diff. `task`: in the words of the `edits` task, to an adapter that learned it. Such an
 * adapter knows better whether a line wants the edit; where it leaves the line but is not sure, a diff shows which edit.
 */
export type Asking = 'diff' | 'task';

/** How likely an answer must be to be offered (docs/science.md). Of a task, also to look for the edit that it leaves out. */
const LEAST = { diff: 0.92, task: 0.4 } as const;
/** Tokens of a line, and of an answer in the words of the task, which is a line in a code fence. */
const MOST_TOKENS = { diff: 80, task: 90 } as const;

export interface AskOptions {
  serving: Pick<ServingClient, 'stream' | 'chat'>;
  /** Its name in requests. */
  model: string;
  asking: Asking;
  nameOf: NameOf;
  signal: AbortSignal;
  /** Instead of the default: how likely an edit must be to be looked for. */
  least?: number;
}

/** What was answered, for measuring. */
export interface Answered {
  line: string;
  /** Natural logarithm of how likely; asked by a task, of how likely it is that the line wants an edit. */
  logprob: number;
}

/** What the answer offers; undefined if it is not sure, or makes another edit. */
export const offerFrom = (
  candidate: Candidate,
  { line, logprob }: Answered,
  asking: Asking,
): Offer | undefined => (Math.exp(logprob) >= LEAST[asking] ? offerOf(candidate, line) : undefined);

/** The line that the model writes at the place, whatever it is. */
export async function askModel(candidate: Candidate, options: AskOptions): Promise<Answered | undefined> {
  if (options.asking === 'diff') return goOn(candidate, options);
  const answered = await answerTask(candidate, options);
  if (answered?.line.trim() !== candidate.place.line.trim()) return answered;
  const edit = 1 - Math.exp(answered.logprob);
  if (edit < (options.least ?? LEAST.task)) return answered;
  return { ...(await goOn(candidate, options)), logprob: Math.log(edit) };
}

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
  const language = fileExtension(candidate.place.path);
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
