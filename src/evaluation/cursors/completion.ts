/** Runs the completion core at a held-out cursor as in the editor: the completion it shows and the request it sends. */
import {
  createCompleter,
  cutUnfinished,
  languageIdForPath,
  type CompleterOptions,
  type ModelRequest,
  type ContextFile,
  type CursorDocument,
  type RepositoryPath,
} from '../../completion/index.ts';
import type { Cursor } from './cursors.ts';

export interface PlacedCursor extends Cursor {
  place: RepositoryPath;
  /** Characters of the file beyond `before` and `after`. */
  hidden: { before: number; after: number };
  /** Parts of other files. */
  others: readonly ContextFile[];
  wholeRepositories: boolean;
}

export type CursorOptions = Pick<CompleterOptions, 'fillInTheMiddle' | 'budget'> & {
  maxTokens: number;
  /** Model name in requests. */
  model: string;
  signal?: AbortSignal | undefined;
};

export const toDocument = ({ path, before, after, hidden, place }: PlacedCursor): CursorDocument => ({
  path,
  before,
  after,
  hidden,
  place,
  languageId: languageIdForPath(path),
});

/** The right text at a cursor. Of a line whose construct ends below it, an editor shows at most the complete part. */
export const rightText = (cursor: PlacedCursor): string =>
  cutUnfinished(cursor.actual, toDocument(cursor)) || cursor.actual;

/** The completion shown at a cursor; empty if none is. Throws the errors of `request`, and `signal`'s reason. */
export async function completeAt(
  cursor: PlacedCursor,
  { model, maxTokens, signal, ...options }: CursorOptions,
  request: CompleterOptions['request'],
): Promise<string> {
  const { others, wholeRepositories } = cursor;
  const completion = await createCompleter({ ...options, request, wholeRepositories }).complete({
    ...toDocument(cursor),
    context: others,
    adapter: model,
    maxTokens,
    // Nobody is typing, so don't wait for a pause.
    invoked: true,
    ...(signal && { signal }),
  });
  signal?.throwIfAborted();
  return completion?.text ?? '';
}

/** The request to the model at a cursor; undefined if there is none. */
export async function requestAt(
  cursor: PlacedCursor,
  options: CursorOptions,
): Promise<ModelRequest | undefined> {
  let captured: ModelRequest | undefined;
  await completeAt(cursor, options, (request) => {
    captured = request;
    return Promise.resolve({ text: '', finishReason: 'stop' });
  });
  return captured;
}
