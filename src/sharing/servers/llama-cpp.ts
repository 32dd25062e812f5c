/**
 * llama.cpp's own server. Its adapters are those that it was started with. They have no names, but a number, a file,
 * and a scale that applies to every request.
 */
import { z } from 'zod';
import { UserError } from '../../text/errors.ts';
import { askJson, Refusal, type Remote } from '../../serving/remote/remote-http.ts';
import type { TopTokens } from './compare.ts';

const ANSWER_MS = 120_000;
const TOP = 20;
/** It returns one position per request, so only every this many positions are requested. */
export const STRIDE = 8;

const adaptersSchema = z.array(z.object({ id: z.int(), path: z.string(), scale: z.number() }));
export type LlamaAdapter = z.infer<typeof adaptersSchema>[number];

const answerSchema = z.object({
  completion_probabilities: z
    .array(z.object({ top_logprobs: z.array(z.object({ id: z.int(), logprob: z.number() })) }))
    .min(1),
});

export class LlamaCppServer {
  constructor(private readonly remote: Remote) {}

  /** Errors: endpoint-unknown, and those of askRemote. */
  async adapters(): Promise<LlamaAdapter[]> {
    const answer = await this.ask('/lora-adapters');
    const found = adaptersSchema.safeParse(answer);
    if (found.success) return found.data;
    throw this.unknown('it lists no adapters');
  }

  /** Sets the default scale of every adapter: 1 for `id`, 0 for the others. */
  async applyAdapter(id: number | undefined, all: readonly LlamaAdapter[]): Promise<void> {
    await this.ask('/lora-adapters', scalesOf(id, all));
  }

  /**
   * The likeliest tokens after the first `length` tokens, for each of `lengths`. `id`: the adapter, or undefined for
   * the base alone. Other requests are not affected.
   */
  async distributions(
    id: number | undefined,
    all: readonly LlamaAdapter[],
    { tokens, lengths }: { tokens: Int32Array; lengths: readonly number[] },
  ): Promise<TopTokens[]> {
    const rows: TopTokens[] = [];
    for (const length of lengths) {
      const answer = await this.ask('/completion', {
        prompt: [...tokens.subarray(0, length)],
        n_predict: 1,
        temperature: -1,
        n_probs: TOP,
        cache_prompt: false,
        lora: scalesOf(id, all),
      });
      const found = answerSchema.safeParse(answer).data?.completion_probabilities[0]!.top_logprobs;
      if (!found?.length) throw this.unknown('it gives no log-probabilities');
      rows.push(new Map(found.map(({ id: token, logprob }) => [token, logprob])));
    }
    return rows;
  }

  private async ask(path: string, body?: object): Promise<unknown> {
    const { endpoint } = this.remote;
    try {
      return await askJson(this.remote, endpoint.root + path, {
        ...(body && { body }),
        timeoutMs: ANSWER_MS,
      });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      throw this.unknown(`it answers "${error.serverMessage}" to ${path}`);
    }
  }

  private unknown(what: string): UserError {
    return new UserError(
      'endpoint-unknown',
      `The llama.cpp server at ${this.remote.endpoint.host} can't be given adapters: ${what}.`,
      'Start a newer version of it, with --lora FILE.',
    );
  }
}

const scalesOf = (id: number | undefined, all: readonly LlamaAdapter[]) =>
  all.map((adapter) => ({ id: adapter.id, scale: adapter.id === id ? 1 : 0 }));

/**
 * The server's adapter called `name`: the one whose file has this name, or its only one. Throws UserError
 * endpoint-model otherwise, because none can be added while it runs.
 */
export function findAdapter(all: readonly LlamaAdapter[], name: string, host: string): LlamaAdapter {
  const stem = ({ path }: LlamaAdapter) =>
    path
      .split(/[\\/]/)
      .at(-1)!
      .replace(/\.gguf$/i, '');
  const found = all.find((adapter) => stem(adapter) === name) ?? (all.length === 1 ? all[0] : undefined);
  if (found) return found;
  throw new UserError(
    'endpoint-model',
    all.length
      ? `The llama.cpp server at ${host} has no adapter "${name}"; it has ${all.map(stem).join(', ')}.`
      : `The llama.cpp server at ${host} was started without an adapter, and can't be given one while it runs.`,
    `Write the adapter with export --to gguf-adapter -o ${name}.gguf, and start the server with --lora ${name}.gguf.`,
  );
}
