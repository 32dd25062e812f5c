/** Asks the completion model to make the same edit at a place. */
import { fileExtension } from '../corpus/names.ts';
import {
  diffPrompt,
  lineInAnswer,
  toOffer,
  taskQuestion,
  type Candidate,
  type NameOf,
  type Offer,
} from '../next-edit/index.ts';
import type { ServingClient } from '../serving/client/client.ts';

/**
 * `diff`: any model continues a diff. `task`: the question of the `edits` task, for an adapter trained on it. Such an
 * adapter knows better whether a line needs the edit; if it keeps the line but is unsure, a diff shows which edit it
 * would be.
 */
export type Asking = 'diff' | 'task';

/**
 * Minimum probability of an answer to be offered (docs/science.md). For a task, also to look for an edit that it left
 * out.
 */
const MIN_CONFIDENCE = { diff: 0.92, task: 0.4 } as const;
/** Tokens of a line, and of an answer to the task, which is a line in a code fence. */
const MAX_TOKENS = { diff: 80, task: 90 } as const;

export interface AskOptions {
  serving: Pick<ServingClient, 'stream' | 'chat'>;
  /** Its name in requests. */
  model: string;
  asking: Asking;
  nameOf: NameOf;
  signal: AbortSignal;
  /** Overrides the default probability from which an edit is looked for. */
  minConfidence?: number;
}

/** The model's answer, for measuring. */
export interface ModelAnswer {
  line: string;
  /** Log-probability of the answer; for a task, of the line needing an edit. */
  logprob: number;
}

/** The offer in an answer; undefined if the model is unsure or makes another edit. */
export const offerFrom = (
  candidate: Candidate,
  { line, logprob }: ModelAnswer,
  asking: Asking,
): Offer | undefined => (Math.exp(logprob) >= MIN_CONFIDENCE[asking] ? toOffer(candidate, line) : undefined);

/** The line that the model writes at the place, whether or not it is offered. */
export async function askModel(candidate: Candidate, options: AskOptions): Promise<ModelAnswer | undefined> {
  if (options.asking === 'diff') return continueDiff(candidate, options);
  const answered = await answerTask(candidate, options);
  if (answered?.line.trim() !== candidate.place.line.trim()) return answered;
  const edit = 1 - Math.exp(answered.logprob);
  if (edit < (options.minConfidence ?? MIN_CONFIDENCE.task)) return answered;
  return { ...(await continueDiff(candidate, options)), logprob: Math.log(edit) };
}

async function continueDiff(
  candidate: Candidate,
  { serving, model, nameOf, signal }: AskOptions,
): Promise<ModelAnswer> {
  const { prompt, heal } = diffPrompt(candidate, nameOf);
  let logprob = 0;
  const { text } = await serving.stream(
    { model, prompt, heal, max_tokens: MAX_TOKENS.diff, stop: ['\n'], confidence: true },
    (_, confidence = 0) => (logprob += confidence),
    signal,
  );
  return { line: heal + text, logprob };
}

/** Stops the answer once it has the line, or turns out to be something else. */
async function answerTask(
  candidate: Candidate,
  { serving, model, nameOf, signal }: AskOptions,
): Promise<ModelAnswer | undefined> {
  const language = fileExtension(candidate.place.path);
  const stopController = new AbortController();
  let [answer, logprob] = ['', 0];
  let line: string | 'more' | undefined = 'more';
  const content = taskQuestion(candidate, nameOf, language);
  try {
    await serving.chat(
      {
        model,
        messages: [{ role: 'user', content }],
        temperature: 0,
        max_tokens: MAX_TOKENS.task,
        confidence: true,
      },
      (piece, confidence = 0) => {
        answer += piece;
        logprob += confidence;
        line = lineInAnswer(answer);
        if (line !== 'more') stopController.abort();
      },
      AbortSignal.any([signal, stopController.signal]),
    );
  } catch (error) {
    if (!stopController.signal.aborted) throw error;
  }
  return line === undefined || line === 'more' ? undefined : { line, logprob };
}
