/** Reads a completion or a chat's answer that is streamed as server-sent events: OpenAI's chunks, then [DONE]. */
import { EventSourceParserStream } from 'eventsource-parser/stream';
import { z } from 'zod';
import type { RawAnswer } from '../../completion/index.ts';
import { textOf, textsSchema } from '../../text/message.ts';
import { UserError } from '../../text/errors.ts';

const choiceFields = {
  confidence: z.number().optional(),
  /** In the last piece. */
  finish_reason: z.enum(['stop', 'length']).nullish(),
};
const chunkSchema = z.object({
  choices: z.array(
    z.union([
      z.object({ text: z.string(), ...choiceFields }),
      // From a chat.
      z
        .object({ delta: z.object({ content: z.string().optional() }), ...choiceFields })
        .transform(({ delta, ...rest }) => ({ text: delta.content ?? '', ...rest })),
    ]),
  ),
});
export const errorBodySchema = z.object({
  error: z.object({ message: z.string(), code: z.string().nullish(), texts: textsSchema }),
});

/** Converts the server's error, from a response or from within a stream. */
export const toUserError = ({ error }: z.infer<typeof errorBodySchema>): UserError =>
  new UserError(
    error.code === 'context_length_exceeded' ? 'chat-too-long' : 'bad-request',
    textOf(error, 'message'),
    'See the log.',
  );

/** Receives an answer in pieces, with the log-probability of each if requested. */
export type OnPiece = (piece: string, confidence?: number) => void;

/**
 * Calls `onText` with each piece, and returns the whole answer. Throws like toUserError for an error in the stream, and
 * an Error if it ends early.
 */
export async function readStream(response: Response, onText: OnPiece): Promise<RawAnswer> {
  const answer: RawAnswer = { text: '', finishReason: 'stop' };
  for await (const data of eventData(response)) {
    if (data === '[DONE]') return answer;
    const message: unknown = JSON.parse(data);
    const failure = errorBodySchema.safeParse(message);
    if (failure.success) throw toUserError(failure.data);
    const choice = chunkSchema.parse(message).choices[0];
    if (!choice) continue;
    const { text: piece, confidence, finish_reason } = choice;
    answer.finishReason = finish_reason ?? answer.finishReason;
    if (!piece && confidence === undefined) continue;
    answer.text += piece;
    onText(piece, confidence);
  }
  throw new Error('the stream ended early');
}

/** The data of each server-sent event. */
export async function* eventData(response: Response): AsyncGenerator<string> {
  const events = response
    .body!.pipeThrough(new TextDecoderStream())
    .pipeThrough(new EventSourceParserStream())
    .getReader();
  for (;;) {
    const { done, value } = await events.read();
    if (done) return;
    yield value.data;
  }
}
