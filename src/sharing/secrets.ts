/** Scans for secrets again before anything leaves: in every text, and in the texts of a GGUF file's header. */
import { findSecret } from '../corpus/secrets/find.ts';
import { readHeader } from '../gguf/index.ts';
import { UserError } from '../text/errors.ts';

export interface OutgoingText {
  /** The file's name. */
  name: string;
  text: string;
}

/** Errors: secret-found, which names the file, the line and the rule, never the secret. */
export async function refuseSecrets(texts: readonly OutgoingText[]): Promise<void> {
  for (const { name, text } of texts) {
    const found = await findSecret(name, withoutDigests(text));
    if (!found) continue;
    throw new UserError(
      'secret-found',
      `Nothing was published: line ${found.line} of ${name} looks like a secret (rule ${found.rule}).`,
      'Look at the run with {show}, and remove it there; settings are in run.json, events in events.jsonl.',
    );
  }
}

/** Checksums look random, and are in every manifest. */
const withoutDigests = (text: string) => text.replace(/\b[0-9a-f]{64}\b/g, 'digest');

/** The texts in a GGUF file's header. Errors: those of openGguf. */
export async function headerTexts(path: string): Promise<string> {
  const gguf = await readHeader(path);
  return Object.entries(gguf.metadata)
    .filter(([, value]) => typeof value === 'string')
    .map(([key, value]) => `${key}: ${String(value)}`)
    .join('\n');
}
