/** Checks supplied documents (rows of a data set, instruction pairs): each is kept, or left out with a reason. */
import { createHash } from 'node:crypto';
import { countLines, MAX_BYTES } from './contents.ts';
import { cancelled, type Document } from './documents.ts';
import type { LeftOutEntry } from '../manifest.ts';
import type { Reason } from '../reasons.ts';
import { findSecret } from '../secrets/find.ts';
import type { SourceDocument } from './source.ts';

/**
 * Only one document's text is in memory at a time. Duplicates are not searched for here, because they are also found as
 * near-duplicates. Errors: cancelled, and what the supplier throws.
 */
export async function* suppliedDocuments(
  documents: AsyncIterable<SourceDocument>,
  signal?: AbortSignal,
): AsyncGenerator<Document | LeftOutEntry> {
  for await (const document of documents) {
    if (signal?.aborted) throw cancelled();
    yield await judgeDocument(document);
  }
}

async function judgeDocument(document: SourceDocument): Promise<Document | LeftOutEntry> {
  const { path, pieces } = document;
  const leftOut = (reason: Reason, detail?: string): LeftOutEntry => ({
    in: false,
    path,
    reason,
    ...(detail ? { detail } : {}),
  });
  if (!pieces.some(({ text, learned }) => learned && /\S/.test(text))) return leftOut('empty');
  const fullText = pieces.map(({ text }) => text).join('');
  const bytes = Buffer.byteLength(fullText);
  if (bytes > MAX_BYTES) return leftOut('over-long', `${bytes} bytes`);
  const secret = await findSecret(path, fullText);
  if (secret) return { ...leftOut('secret', secret.rule), line: secret.line };
  return {
    ...document,
    in: true,
    // Without the chat template's own text, which all documents share.
    text: pieces.map(({ text, special }) => (special ? '\n' : text)).join(''),
    sha256: createHash('sha256').update(fullText).digest('hex'),
    bytes,
    lines: countLines(fullText),
  };
}
