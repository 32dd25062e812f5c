/** A vLLM server: its list of models, its adapters, and its distributions. */
import { z } from 'zod';
import { msg, UserError } from '../../text/errors.ts';
import { askJson, Refusal, type Remote } from '../../serving/remote/remote-http.ts';
import { listModels } from '../../serving/remote/probe.ts';
import type { TopTokens } from './compare.ts';

const LOAD_MS = 300_000;
const ANSWER_MS = 120_000;
/** The maximum that a server returns unless it was started with --max-logprobs. */
const TOP = 20;

const logProbabilities = z.record(z.string(), z.object({ logprob: z.number() }));
const answerSchema = z.object({
  choices: z.array(z.object({ prompt_logprobs: z.array(logProbabilities.nullable()) })).min(1),
});

export interface VllmModel {
  id: string;
  /** What it was loaded from: a repository, or a folder on the server. */
  root: string;
}

export class VllmServer {
  constructor(private readonly remote: Remote) {}

  /** Its base and the adapters on it. Errors: endpoint-model, and those of listModels. */
  async models(): Promise<{ base: VllmModel; adapters: VllmModel[] }> {
    const listed = await listModels(this.remote);
    const all = listed.map(({ id, root, parent }) => ({ id, root: root ?? id, parent }));
    const base = all.find(({ parent }) => !parent);
    if (base) return { base, adapters: all.filter(({ parent }) => parent) };
    const { host } = this.remote.endpoint;
    throw new UserError('endpoint-model', `The server at ${host} lists no base.`, 'Look at its log.');
  }

  /**
   * Loads an adapter from a folder on the server. `replace`: the folder of the adapter that has this name. That one is
   * unloaded first, and requests at that moment get 404: with vLLM's `load_inplace`, the adapter would be read again
   * for every request. If the new one can't be loaded, the old one is loaded again. Errors: endpoint-unknown if the
   * server was not started with that route, adapter-unsupported with the server's message, and those of askRemote.
   */
  async load(name: string, path: string, { replace }: { replace?: string | undefined } = {}): Promise<void> {
    if (replace !== undefined) await this.unload(name);
    try {
      await this.change('load', { lora_name: name, lora_path: path });
    } catch (error) {
      if (replace === undefined) throw error;
      const reload = this.change('load', { lora_name: name, lora_path: replace });
      throw await reload.then(
        () => error,
        () => withoutEither(error, name),
      );
    }
  }

  /** Errors: like load. */
  async unload(name: string): Promise<void> {
    await this.change('unload', { lora_name: name });
  }

  private async change(
    what: 'load' | 'unload',
    body: { lora_name: string; lora_path?: string },
  ): Promise<void> {
    const { endpoint } = this.remote;
    try {
      await askJson(this.remote, `${endpoint.api}/${what}_lora_adapter`, { body, timeoutMs: LOAD_MS });
    } catch (error) {
      throw this.refusal(what, body.lora_name, error);
    }
  }

  private refusal(what: string, name: string, error: unknown): unknown {
    const { host } = this.remote.endpoint;
    // FastAPI's message if there is no such route.
    if (error instanceof Refusal && error.status === 404 && error.serverMessage === 'Not Found')
      return new UserError(
        'endpoint-unknown',
        `The vLLM server at ${host} was not started to ${what} adapters while it runs.`,
        'Start it with --enable-lora and VLLM_ALLOW_RUNTIME_LORA_UPDATING=True.',
      );
    const said = serverMessage(error);
    if (said === undefined) return error;
    return new UserError(
      'adapter-unsupported',
      `The vLLM server at ${host} can't ${what} ${name}: ${said.replace(/\.$/, '')}.`,
      'Check that it reads the shared folder under the path that you gave, and its --max-lora-rank.',
    );
  }

  /**
   * The likeliest tokens after each token of the prompt except the last. Errors: endpoint-model, endpoint-unknown, and
   * those of askRemote.
   */
  async distributions(model: string, tokens: Int32Array): Promise<TopTokens[]> {
    const { endpoint } = this.remote;
    const body = {
      model,
      prompt: [...tokens],
      max_tokens: 1,
      temperature: 0,
      prompt_logprobs: TOP,
    };
    let answer: unknown;
    try {
      answer = await askJson(this.remote, `${endpoint.api}/completions`, { body, timeoutMs: ANSWER_MS });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      throw this.unknown(`it answers "${error.serverMessage}" when asked for log-probabilities`);
    }
    const rows = answerSchema.safeParse(answer).data?.choices[0]!.prompt_logprobs;
    // The first token has nothing before it.
    if (rows?.length !== tokens.length || rows.slice(1).includes(null))
      throw this.unknown('it gives no log-probabilities of a prompt');
    return rows
      .slice(1)
      .map((row) => new Map(Object.entries(row!).map(([token, { logprob }]) => [Number(token), logprob])));
  }

  private unknown(what: string): UserError {
    return new UserError(
      'endpoint-unknown',
      `The server at ${this.remote.endpoint.host} can't be checked: ${what}.`,
      'Start it with --max-logprobs 20, or another version of it.',
    );
  }
}

/** The previous adapter could not be loaded again either. */
function withoutEither(error: unknown, name: string): unknown {
  if (!(error instanceof UserError)) return error;
  const { code, what, whatNext } = error;
  const more = `The adapter that was ${name} before is not offered any more either; offer it again.`;
  return new UserError(code, what, msg`${whatNext} ${more}`, { cause: error });
}

/** The server's message about the adapter; vLLM answers 500 for one that it can't use, and wraps the reason. */
function serverMessage(error: unknown): string | undefined {
  if (error instanceof Refusal) return error.serverMessage;
  if (!(error instanceof UserError) || error.code !== 'endpoint-failed') return undefined;
  const said = /failed: (.+)\.$/.exec(error.message)?.[1];
  return /Worker failed with error '(.+)', please check/.exec(said ?? '')?.[1] ?? said;
}
