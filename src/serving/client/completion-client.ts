/** What completes code: the server of this machine (client.ts), or one elsewhere (../remote/remote-client.ts). */
import type { ModelRequest } from '../../completion/index.ts';
import type { CompletionRequest } from '../../protocol/server.ts';
import type { OnPiece } from './read-stream.ts';

/** What the completion core asks, as servers are asked. */
export const toServer = ({ maxTokens, context, ...rest }: ModelRequest): CompletionRequest => ({
  ...rest,
  ...(context && { context: [...context] }),
  max_tokens: maxTokens,
});

export interface CompletionClient {
  /** Makes it ready for requests. Throws UserError if that is impossible. */
  start(): Promise<unknown>;
  /** Whether it uses the text after the cursor; makes it ready to find out. */
  fillInTheMiddle(): Promise<boolean>;
  /** Answers as a whole. Aborting `signal` stops the computation, there too. */
  complete(request: CompletionRequest, signal?: AbortSignal): Promise<{ choices: { text: string }[] }>;
  /** The same for one choice: calls `onText` with each piece as it is generated, and returns the whole text. */
  stream(request: CompletionRequest, onText: OnPiece, signal?: AbortSignal): Promise<string>;
  /** It can't be used afterwards. */
  dispose(): Promise<void>;
}
