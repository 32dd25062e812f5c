/** Converts a completion request into the form that a remote server accepts. Pure. */
import type { CompletionRequest } from '../../protocol/server.ts';
import { layOutGap } from './fim-templates.ts';
import type { ServerInfo } from './probe.ts';

/**
 * The route, relative to the base address for this way of filling in, and the body. Only our own server supports
 * `heal`; for others it is part of the prompt.
 */
export function toRemoteRequest(
  request: CompletionRequest,
  { model, kind, fill }: Pick<ServerInfo, 'model' | 'kind' | 'fill'>,
): { path: string; body: object } {
  const { heal = '', suffix = '', context, place, stop = [] } = request;
  const begun = request.begun ? request.begun + heal : '';
  const prompt = String(request.prompt) + (begun ? '' : heal);
  if (fill.by === 'own') return { path: '/completions', body: { ...request, model, stream: true } };
  const prefix = prompt + begun;
  const ends = typeof stop === 'string' ? [stop] : stop;
  if (fill.by === 'infill') return { path: '/infill', body: infill(request, model, { prompt, begun }, ends) };
  if (fill.by === 'fim') return { path: '/fim/completions', body: fim(request, model, prefix, ends) };
  const body = {
    model,
    max_tokens: request.max_tokens,
    temperature: 0,
    stream: true,
    ...(kind === 'vllm' && vllmSampling),
    stop: ends,
  };
  if (fill.by === 'template') {
    const laidOut = layOutGap(fill.template, { prefix: prompt, begun, suffix, context, place });
    return {
      path: '/completions',
      body: { ...body, prompt: laidOut, stop: [...ends, ...fill.template.ends] },
    };
  }
  if (fill.by === 'none') return { path: '/completions', body: { ...body, prompt: prefix } };
  // Without a suffix, Ollama treats the prompt as a chat message.
  const after = suffix || (kind === 'ollama' ? '\n' : '');
  return { path: '/completions', body: { ...body, prompt: prefix, ...(after && { suffix: after }) } };
}

/** Without fields that Mistral doesn't know, because it would refuse the request. */
const fim = (
  { suffix, max_tokens }: CompletionRequest,
  model: string,
  prompt: string,
  stop: readonly string[],
) => ({
  model,
  prompt,
  max_tokens,
  temperature: 0,
  stream: true,
  ...(suffix && { suffix }),
  ...(stop.length > 0 && { stop }),
});

/** vLLM's defaults are those of the model's generation_config.json, in which chat models have a repetition penalty. */
const vllmSampling = { top_k: -1, top_p: 1, min_p: 0, repetition_penalty: 1 };

/** All sampling settings are given, because llama.cpp's defaults differ from ours. */
const infill = (
  { suffix = '', context = [], max_tokens }: CompletionRequest,
  model: string,
  { prompt, begun }: { prompt: string; begun: string },
  stop: readonly string[],
) => ({
  model,
  input_prefix: prompt,
  ...(begun && { prompt: begun }),
  input_suffix: suffix,
  input_extra: context,
  n_predict: max_tokens,
  temperature: 0,
  top_k: 0,
  top_p: 1,
  min_p: 0,
  stop,
  stream: true,
  cache_prompt: true,
});
