/** Reads streamed answers of other servers: OpenAI's chunks of completions and chats, and llama.cpp's own. */
import { z } from 'zod';
import { msg, UserError } from '../../text/errors.ts';
import { eventData, type OnPiece } from '../client/read-stream.ts';
import type { Endpoint } from './address.ts';
import { jsonIn, notOpenAi, unreachable, type Accepted } from './remote-http.ts';

const chunkSchema = z.union([
  z.object({
    choices: z.array(
      z.object({
        text: z.string().nullish(),
        /** Our own server's. */
        confidence: z.number().optional(),
        delta: z.object({ content: z.string().nullish() }).nullish(),
        message: z.object({ content: z.string().nullish() }).nullish(),
        finish_reason: z.string().nullish(),
      }),
    ),
  }),
  z.object({ content: z.string(), stop: z.boolean().optional() }),
]);

interface Piece {
  text: string;
  confidence?: number | undefined;
  last: boolean;
}

/**
 * Calls `onText` with each piece, and returns the whole text; an answer that is not streamed is one piece. `onPiece` is
 * called at each piece, for a timer. Throws UserError: `endpoint-failed` for an error in the stream, `endpoint-unknown`,
 * `endpoint-down` if it ends early.
 */
export async function readRemote(
  endpoint: Endpoint,
  answer: Accepted,
  onText: OnPiece,
  onPiece: () => void = () => undefined,
): Promise<string> {
  const { response } = answer;
  let whole = '';
  const take = ({ text, confidence }: Piece) => {
    if (!text && confidence === undefined) return;
    whole += text;
    onText(text, confidence);
  };
  if (!response.headers.get('content-type')?.startsWith('text/event-stream')) {
    take(pieceOf(endpoint, answer, await response.text()));
    return whole;
  }
  let ended = false;
  for await (const data of eventData(response)) {
    onPiece();
    if (data === '[DONE]') return whole;
    const piece = pieceOf(endpoint, answer, data);
    take(piece);
    ended ||= piece.last;
  }
  // llama.cpp's own routes have no last line.
  if (ended) return whole;
  throw unreachable(endpoint, new Error('the answer ended early'));
}

function pieceOf(endpoint: Endpoint, { saidIn }: Accepted, data: string): Piece {
  const message = jsonIn(data);
  const chunk = chunkSchema.safeParse(message);
  if (chunk.success && 'choices' in chunk.data) {
    const choice = chunk.data.choices[0];
    const text = choice?.text ?? choice?.delta?.content ?? choice?.message?.content ?? '';
    return { text, confidence: choice?.confidence, last: Boolean(choice?.finish_reason) };
  }
  if (chunk.success && 'content' in chunk.data)
    return { text: chunk.data.content, last: chunk.data.stop ?? false };
  const said = saidIn(message);
  if (said)
    throw new UserError(
      'endpoint-failed',
      msg`The completion server at ${endpoint.host} failed: ${said}.`,
      msg`Try again later, or look at its log.`,
    );
  throw notOpenAi(endpoint, 'its answer is not understood');
}
