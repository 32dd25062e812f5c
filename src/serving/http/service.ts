/** The layer between the routes and the host: queue, time-outs, clients that disconnect, and metrics. */
import { setMaxListeners } from 'node:events';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { ServerReady } from '../../protocol/server.ts';
import { UserError } from '../../text/errors.ts';
import { FairQueue } from './fair-queue.ts';
import { HttpError, unknownModel } from '../http-error.ts';
import {
  BASE_MODEL,
  type HostCompletion,
  type HostRequest,
  type LlamaHost,
  type OnText,
} from '../host-types.ts';
import { Metrics } from './metrics.ts';

export interface ServiceOptions {
  /** Requests that may wait for their turn. Default 64. */
  queue?: number | undefined;
  /** Time limit of a request, including waiting. Default: two minutes. */
  timeoutSeconds?: number | undefined;
  /** Requests that compute at the same time. Default 1. */
  slots?: number | undefined;
  /** Limit of parallel requests per model: the host's `sequences`. Default 1. */
  perModel?: number | undefined;
}

/** What a server says of itself once it listens. */
export const readyOf = ({ models, fillInTheMiddle, device }: LlamaHost, port: number): ServerReady => ({
  type: 'ready',
  port,
  models: [...models],
  fillInTheMiddle,
  device,
});

const DEFAULT_QUEUE = 64;
const DEFAULT_TIMEOUT_S = 120;

const families = {
  forget_me_not_requests_total: { type: 'counter', help: 'Requests by outcome.' },
  forget_me_not_request_seconds: {
    type: 'histogram',
    help: 'From request to end of answer, including waiting.',
  },
  forget_me_not_queue_seconds: { type: 'histogram', help: 'Waiting for a turn.' },
  forget_me_not_prompt_tokens_total: { type: 'counter', help: 'Prompt tokens, including cached ones.' },
  forget_me_not_cached_prompt_tokens_total: {
    type: 'counter',
    help: 'Prompt tokens reused from an earlier request.',
  },
  forget_me_not_trimmed_prompts_total: { type: 'counter', help: 'Prompts cut to fit the context.' },
  forget_me_not_trimmed_prompt_tokens_total: { type: 'counter', help: 'Prompt tokens cut off.' },
  forget_me_not_completion_tokens_total: { type: 'counter', help: 'Generated tokens.' },
  forget_me_not_prompt_seconds_total: { type: 'counter', help: 'Time spent processing prompts.' },
  forget_me_not_completion_seconds_total: { type: 'counter', help: 'Time spent generating.' },
  forget_me_not_requests_running: { type: 'gauge', help: 'Requests that compute now.' },
  forget_me_not_requests_waiting: { type: 'gauge', help: 'Requests that wait for their turn.' },
  forget_me_not_models: { type: 'gauge', help: 'Names that requests may use.' },
  forget_me_not_contexts: { type: 'gauge', help: 'Contexts in memory.' },
  forget_me_not_context_bytes: { type: 'gauge', help: 'Memory of contexts, adapters and whole models.' },
  forget_me_not_context_evictions_total: { type: 'counter', help: 'Contexts evicted to make room.' },
  forget_me_not_gpu_layers: {
    type: 'gauge',
    help: "Layers of the base in a GPU's memory; 0: the processor.",
  },
  process_resident_memory_bytes: { type: 'gauge', help: 'Resident memory of the server.' },
} as const;

export interface Client {
  request: FastifyRequest;
  reply: FastifyReply;
  model: string;
  /** The client that the request counts for in the queue. Default: its connection. */
  user?: string | undefined;
}

export class Service {
  readonly metrics = new Metrics(families);
  readonly queue: FairQueue;
  private readonly timeoutMs: number;
  readonly since = Math.floor(Date.now() / 1000);

  constructor(
    readonly host: LlamaHost,
    { queue = DEFAULT_QUEUE, timeoutSeconds = DEFAULT_TIMEOUT_S, slots = 1, perModel = 1 }: ServiceOptions,
  ) {
    this.queue = new FairQueue({ slots, perModel, waiting: queue });
    this.timeoutMs = timeoutSeconds * 1000;
  }

  /** The requested model; by default the first adapter or whole model, else the base. Throws HttpError 404. */
  resolveModel(name: string | undefined): string {
    const { models } = this.host;
    const model = name ?? models[1] ?? BASE_MODEL;
    if (models.includes(model)) return model;
    throw unknownModel(model, models);
  }

  /**
   * Computes `requests` together when it is their turn. If one fails or the client closes the connection, all are
   * stopped. Throws HttpError 429 (too many wait) or 504 (it took too long), UserError `cancelled` (the client left),
   * and the host's errors.
   */
  async complete(
    { request, reply, model, user }: Client,
    requests: readonly HostRequest[],
    { onText, onEnd }: { onText?: Each<OnText>; onEnd?: Each<(completion: HostCompletion) => void> } = {},
  ): Promise<HostCompletion[]> {
    const startedAt = performance.now();
    const ended = new AbortController();
    // Each request adds listeners wherever it waits.
    setMaxListeners(0, ended.signal);
    // 'close' without 'finish': the client has disconnected, and the rest is not needed.
    const onClose = () => reply.raw.writableFinished || ended.abort(clientGone());
    reply.raw.once('close', onClose);
    // It may have left before, while the route prepared the request.
    if (reply.raw.destroyed) onClose();
    const timer = setTimeout(() => ended.abort(timedOut(this.timeoutMs)), this.timeoutMs);
    const route = request.routeOptions.url ?? '';
    const { remoteAddress, remotePort } = request.socket;
    try {
      const work = () => {
        this.metrics.observe('forget_me_not_queue_seconds', secondsSince(startedAt));
        return Promise.all(
          requests.map(async (request, index) => {
            const completion = await this.host.complete(request, ended.signal, onText?.(index));
            this.count(model, completion);
            onEnd?.(index)(completion);
            return completion;
          }),
        );
      };
      const client = user ?? `${remoteAddress}:${remotePort}`;
      const completions = await this.queue.run(model, client, work, ended.signal);
      this.metrics.add('forget_me_not_requests_total', { model, route, outcome: 'ok' });
      return completions;
    } catch (error) {
      ended.abort(error);
      this.metrics.add('forget_me_not_requests_total', { model, route, outcome: outcomeOf(error) });
      throw error;
    } finally {
      clearTimeout(timer);
      reply.raw.off('close', onClose);
      this.metrics.observe('forget_me_not_request_seconds', secondsSince(startedAt), { model });
    }
  }

  private count(model: string, completion: HostCompletion): void {
    const add = (name: Parameters<typeof this.metrics.add>[0], value: number) =>
      this.metrics.add(name, { model }, value);
    add('forget_me_not_prompt_tokens_total', completion.promptTokens);
    add('forget_me_not_cached_prompt_tokens_total', completion.cachedTokens);
    add('forget_me_not_trimmed_prompts_total', completion.trimmedTokens > 0 ? 1 : 0);
    add('forget_me_not_trimmed_prompt_tokens_total', completion.trimmedTokens);
    add('forget_me_not_completion_tokens_total', completion.completionTokens);
    add('forget_me_not_prompt_seconds_total', (completion.promptMs ?? 0) / 1000);
    add('forget_me_not_completion_seconds_total', (completion.completionMs ?? 0) / 1000);
  }

  /** All metrics in Prometheus' text format. */
  renderMetrics(): string {
    const { metrics, queue, host } = this;
    const { contexts, bytes, evictions } = host.memory;
    metrics.set('forget_me_not_requests_running', queue.running);
    metrics.set('forget_me_not_requests_waiting', queue.waiting);
    metrics.set('forget_me_not_models', host.models.length);
    metrics.set('forget_me_not_contexts', contexts);
    metrics.set('forget_me_not_context_bytes', bytes);
    metrics.set('forget_me_not_context_evictions_total', evictions);
    metrics.set('forget_me_not_gpu_layers', host.device.layers);
    metrics.set('process_resident_memory_bytes', process.memoryUsage.rss());
    return metrics.render();
  }
}

/** Returns a callback for the request with this index. */
type Each<F> = (index: number) => F;

/** Parses a body with `schema`. Throws HttpError 400, which names the field. */
export function parseBody<S extends z.ZodType>(schema: S, body: unknown): z.output<S> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new HttpError(
    400,
    'bad-request',
    `${issue?.path.join('.') || 'body'}: ${issue?.message ?? 'not understood'}`,
  );
}

const secondsSince = (startedAt: number) => (performance.now() - startedAt) / 1000;

const clientGone = () => new UserError('cancelled', 'The client closed the connection.', 'Ask again.');

const timedOut = (milliseconds: number) =>
  new HttpError(504, 'timeout', `The answer took longer than ${milliseconds / 1000} s.`);

function outcomeOf(error: unknown): string {
  if (error instanceof HttpError) return error.code;
  return error instanceof UserError ? error.code : 'internal';
}
