/** Reads a completion or a chat's answer that is streamed as server-sent events: OpenAI's chunks, then [DONE]. */
import { EventSourceParserStream } from 'eventsource-parser/stream';
import { z } from 'zod';
import { textOf, textsSchema } from '../../text/message.ts';
import { UserError } from '../../text/errors.ts';

const chunkSchema = z.object({
  choices: z.array(
    z.union([
      z.object({ text: z.string(), confidence: z.number().optional() }),
      // Of a chat.
      z
        .object({ delta: z.object({ content: z.string().optional() }), confidence: z.number().optional() })
        .transform(({ delta, confidence }) => ({ text: delta.content ?? '', confidence })),
    ]),
  ),
});
export const errorBodySchema = z.object({
  error: z.object({ message: z.string(), code: z.string().nullish(), texts: textsSchema }),
});

/** The server's refusal, whether it comes with a status or in the stream. */
export const refusalOf = ({ error }: z.infer<typeof errorBodySchema>): UserError =>
  new UserError(
    error.code === 'context_length_exceeded' ? 'chat-too-long' : 'bad-request',
    textOf(error, 'message'),
    'See the log.',
  );

/** Receives an answer in pieces, with the natural logarithm of how likely each is, if the request asked for it. */
export type OnPiece = (piece: string, confidence?: number) => void;

/**
 * Calls `onText` with each piece, and returns the whole text. Throws like refusalOf for an error in the stream, and an
 * Error if it ends early.
 */
export async function readStream(response: Response, onText: OnPiece): Promise<string> {
  let text = '';
  for await (const data of eventData(response)) {
    if (data === '[DONE]') return text;
    const message: unknown = JSON.parse(data);
    const failure = errorBodySchema.safeParse(message);
    if (failure.success) throw refusalOf(failure.data);
    const { text: piece, confidence } = chunkSchema.parse(message).choices[0] ?? { text: '' };
    if (!piece && confidence === undefined) continue;
    text += piece;
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
