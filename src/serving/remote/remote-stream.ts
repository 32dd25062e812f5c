/** Reads streamed answers of other servers: OpenAI's chunks of completions and chats, and llama.cpp's own. */
import { z } from 'zod';
import type { RawAnswer } from '../../completion/index.ts';
import { msg, UserError } from '../../text/errors.ts';
import { eventData, type OnPiece } from '../client/read-stream.ts';
import type { Endpoint } from './address.ts';
import { tryParseJson, notOpenAi, unreachable, type AcceptedResponse } from './remote-http.ts';

const chunkSchema = z.union([
  z.object({
    choices: z.array(
      z.object({
        text: z.string().nullish(),
        /** From our own server. */
        confidence: z.number().optional(),
        delta: z.object({ content: z.string().nullish() }).nullish(),
        message: z.object({ content: z.string().nullish() }).nullish(),
        finish_reason: z.string().nullish(),
      }),
    ),
  }),
  z.object({
    content: z.string(),
    stop: z.boolean().optional(),
    stop_type: z.string().optional(),
    /** From llama.cpp before `stop_type`. */
    stopped_limit: z.boolean().optional(),
  }),
]);

interface Piece {
  text: string;
  confidence?: number | undefined;
  /** Only of the last piece. */
  finish: RawAnswer['finishReason'] | undefined;
}

/**
 * Calls `onText` with each piece, and returns the whole answer; one that is not streamed is one piece. `onPiece` is
 * called for each piece, to reset a timer. Throws UserError: `endpoint-failed` for an error in the stream,
 * `endpoint-unknown`, `endpoint-down` if it ends early.
 */
export async function readRemote(
  endpoint: Endpoint,
  answer: AcceptedResponse,
  onText: OnPiece,
  onPiece: () => void = () => undefined,
): Promise<RawAnswer> {
  const { response } = answer;
  const whole: RawAnswer = { text: '', finishReason: 'stop' };
  const append = ({ text, confidence, finish }: Piece) => {
    whole.finishReason = finish ?? whole.finishReason;
    if (!text && confidence === undefined) return;
    whole.text += text;
    onText(text, confidence);
  };
  if (!response.headers.get('content-type')?.startsWith('text/event-stream')) {
    append(parsePiece(endpoint, answer, await response.text()));
    return whole;
  }
  let ended = false;
  for await (const data of eventData(response)) {
    onPiece();
    if (data === '[DONE]') return whole;
    const piece = parsePiece(endpoint, answer, data);
    append(piece);
    ended ||= piece.finish !== undefined;
  }
  // llama.cpp's own routes send no [DONE].
  if (ended) return whole;
  throw unreachable(endpoint, new Error('the answer ended early'));
}

function parsePiece(endpoint: Endpoint, { errorMessageIn: saidIn }: AcceptedResponse, data: string): Piece {
  const message = tryParseJson(data);
  const chunk = chunkSchema.safeParse(message);
  if (chunk.success && 'choices' in chunk.data) {
    const choice = chunk.data.choices[0];
    const text = choice?.text ?? choice?.delta?.content ?? choice?.message?.content ?? '';
    const reason = choice?.finish_reason;
    return { text, confidence: choice?.confidence, finish: reason ? toFinish(reason, 'length') : undefined };
  }
  if (chunk.success && 'content' in chunk.data) {
    const { content, stop, stop_type, stopped_limit } = chunk.data;
    const reason = stopped_limit ? 'limit' : stop_type;
    return { text: content, finish: stop ? toFinish(reason, 'limit') : undefined };
  }
  const said = saidIn(message);
  if (said)
    throw new UserError(
      'endpoint-failed',
      msg`The completion server at ${endpoint.host} failed: ${said}.`,
      msg`Try again later, or look at its log.`,
    );
  throw notOpenAi(endpoint, 'its answer is not understood');
}

/** `limit`: what the server calls the token limit. */
const toFinish = (reason: string | undefined, limit: string): RawAnswer['finishReason'] =>
  reason === limit ? 'length' : 'stop';
