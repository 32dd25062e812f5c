/** What completes code: the server on this machine (client.ts), or a remote one (../remote/remote-client.ts). */
import type { ModelRequest, RawAnswer } from '../../completion/index.ts';
import type { CompletionRequest } from '../../protocol/server.ts';
import type { OnPiece } from './read-stream.ts';

/** Converts the completion core's request into that of a server. */
export const toServerRequest = ({ maxTokens, context, ...rest }: ModelRequest): CompletionRequest => ({
  ...rest,
  ...(context && { context: [...context] }),
  max_tokens: maxTokens,
});

export interface CompletionClient {
  /** Gets it ready for requests. Throws UserError if that fails. */
  start(): Promise<unknown>;
  /** Whether it uses the text after the cursor. Gets it ready to find out. */
  fillInTheMiddle(): Promise<boolean>;
  /**
   * Calls `onText` with each piece as it is generated, and returns the whole answer. Aborting `signal` stops the
   * computation on the server too.
   */
  stream(request: CompletionRequest, onText: OnPiece, signal?: AbortSignal): Promise<RawAnswer>;
  /** It can't be used afterwards. */
  dispose(): Promise<void>;
}
