/**
 * A cache of the model's answers on disk, because simulated users who have typed the same send the same requests, and
 * so that an interrupted benchmark can continue. Usable only if the model's time is not counted, because it is not
 * stored.
 */
import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { appendFile, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import type { RawAnswer } from '../../src/completion/index.ts';
import { sha256Of } from '../../src/platform/files/checksum.ts';
import { cacheDir } from '../../src/platform/files/paths.ts';
import type { OnPiece } from '../../src/serving/client/read-stream.ts';

const answerSchema = z.object({
  /** Texts with their log-likelihoods. */
  pieces: z.array(z.tuple([z.string(), z.number().nullable()])),
  /** Why it ended; absent if it was stopped before. */
  finishReason: z.enum(['stop', 'length']).optional(),
});
type Answer = z.infer<typeof answerSchema>;

type Ask = (onPiece: OnPiece) => Promise<RawAnswer>;

export class Answers {
  private constructor(
    private readonly path: string,
    /** Answers as JSON, which takes less memory. */
    private readonly known: Map<string, string>,
  ) {}

  /** The cache for a base (checksum) and adapter (file), served by this version's server. */
  static async of(base: string, adapter: string | undefined): Promise<Answers> {
    const folder = join(cacheDir(), 'bench-felt');
    await mkdir(folder, { recursive: true });
    const program = await readFile('dist/server.mjs', 'utf8');
    const model = keyOf([program, base, adapter ? await sha256Of(adapter) : '']);
    return Answers.open(join(folder, `${model}.jsonl`));
  }

  /** Each line of the file is a key and an answer. */
  static async open(path: string): Promise<Answers> {
    const known = new Map<string, string>();
    if (existsSync(path))
      for await (const line of createInterface({ input: createReadStream(path) })) {
        const [key, answer] = line.split('\t', 2);
        if (key && answer) known.set(key, answer);
      }
    return new Answers(path, known);
  }

  /** The answer to `body`. Calls `ask` unless enough of it is cached. */
  async stream(body: object, onPiece: OnPiece, signal: AbortSignal, ask: Ask): Promise<RawAnswer> {
    const key = keyOf([JSON.stringify({ ...body, model: undefined })]);
    const known = this.read(key);
    for (const [piece, logprob] of known?.pieces ?? []) {
      signal.throwIfAborted();
      onPiece(piece, logprob ?? undefined);
      // The listener may stop it.
      await Promise.resolve();
    }
    signal.throwIfAborted();
    if (known?.finishReason)
      return { text: known.pieces.map(([piece]) => piece).join(''), finishReason: known.finishReason };
    const pieces: Answer['pieces'] = [];
    const keep = (finishReason?: RawAnswer['finishReason']) => this.keep(key, { pieces, finishReason });
    try {
      const answer = await ask((piece, logprob) => {
        pieces.push([piece, logprob ?? null]);
        if (pieces.length > (known?.pieces.length ?? 0)) onPiece(piece, logprob);
      });
      await keep(answer.finishReason);
      return answer;
    } catch (error) {
      if (signal.aborted && pieces.length > (known?.pieces.length ?? 0)) await keep();
      throw error;
    }
  }

  private read(key: string): Answer | undefined {
    const text = this.known.get(key);
    if (text === undefined) return undefined;
    try {
      return answerSchema.parse(JSON.parse(text));
    } catch {
      // The benchmark was killed while writing this line: request it again.
      return undefined;
    }
  }

  private async keep(key: string, answer: Answer): Promise<void> {
    const text = JSON.stringify(answer);
    this.known.set(key, text);
    // Starts a new line, because the last one may be incomplete.
    await appendFile(this.path, `\n${key}\t${text}`);
  }
}

const keyOf = (texts: readonly string[]): string =>
  createHash('sha256').update(texts.join('\0')).digest('hex').slice(0, 24);
