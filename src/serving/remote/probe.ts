/**
 * Finds out what a remote server is, which models it has, and how it fills in the middle. Sends none of the user's
 * code.
 */
import { z } from 'zod';
import { msg, UserError } from '../../text/errors.ts';
import { findTemplate, type FimTemplate } from './fim-templates.ts';
import {
  askJson,
  isBusy,
  abbreviateNames,
  modelMissing,
  notOpenAi,
  Refusal,
  type Remote,
} from './remote-http.ts';

/** A server answers this at once, if at all. */
const LIST_MS = 8_000;
/** A first token may need the model to be loaded. */
const TRY_MS = 60_000;

export type ServerKind = 'forget-me-not' | 'llama.cpp' | 'vllm' | 'ollama' | 'mistral' | 'other';

/**
 * How the text after the cursor is sent: `own`, our own server's format, including tokens and other files; `infill`,
 * llama.cpp's route; `suffix`, OpenAI's field; `fim`, Mistral's route, which others have too; `template`, markers in
 * the prompt; `none`.
 */
export type Fill =
  | { by: 'own'; middle: boolean }
  | { by: 'infill' | 'suffix' | 'fim' | 'none' }
  | { by: 'template'; template: FimTemplate };

export interface ServerInfo {
  kind: ServerKind;
  model: string;
  /** All of its models that can complete code. */
  models: string[];
  fill: Fill;
}

const modelSchema = z.object({
  id: z.string(),
  owned_by: z.string().nullish(),
  /** From vLLM: the file or repository, and an adapter's base. */
  root: z.string().nullish(),
  parent: z.string().nullish(),
  /** From our own server. */
  fill_in_the_middle: z.boolean().optional(),
  /** From Mistral: other names, and what the model can do. */
  aliases: z.array(z.string()).optional().catch(undefined),
  capabilities: z.object({ completion_fim: z.boolean() }).optional().catch(undefined),
});
type ListedModel = z.infer<typeof modelSchema>;
const listSchema = z.object({ data: z.array(modelSchema) });

/**
 * The server's models. `requested`: a model that it may have without listing any; "" if none is named. Throws
 * UserError: `endpoint-unknown` if it is not an OpenAI-compatible server, `endpoint-model` like probe, and askRemote's
 * errors.
 */
export async function listModels(
  remote: Remote,
  requested = '',
  signal?: AbortSignal,
): Promise<ListedModel[]> {
  const { endpoint } = remote;
  try {
    const answer = await askJson(remote, `${endpoint.api}/models`, { signal, timeoutMs: LIST_MS });
    const list = listSchema.safeParse(answer);
    if (list.success) return list.data.data;
    throw notOpenAi(endpoint, 'it lists no models');
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const unlisted = error.status === 404 && (await findUnlisted(remote, requested, signal));
    if (unlisted) return [unlisted];
    throw notOpenAi(endpoint, `it answers "${error.serverMessage}" when asked for its models`);
  }
}

/** Whether a model is for code: Mistral also lists models for chat, images and speech. */
export const canComplete = ({ capabilities }: ListedModel): boolean => capabilities?.completion_fim !== false;

const kinds: Record<string, ServerKind> = {
  'forget-me-not': 'forget-me-not',
  llamacpp: 'llama.cpp',
  vllm: 'vllm',
  library: 'ollama',
  mistralai: 'mistral',
};

/**
 * Chooses the model and tries how to send requests. `requested`: its name; "" for the server's only one. Throws
 * UserError `endpoint-model` if the server lacks it, if it isn't for code, or if there are several and none is named;
 * and like listModels.
 */
export async function probe(remote: Remote, requested: string, signal?: AbortSignal): Promise<ServerInfo> {
  const listed = await listModels(remote, requested, signal);
  const chosen = chooseModel(remote, listed, requested);
  const kind = kinds[chosen.owned_by ?? ''] ?? 'other';
  const fill = await findFill(remote, kind, chosen, listed, signal);
  return { kind, model: chosen.id, models: listed.filter(canComplete).map(({ id }) => id), fill };
}

function chooseModel({ endpoint }: Remote, listed: readonly ListedModel[], wanted: string): ListedModel {
  const usable = listed.filter(canComplete);
  const ids = usable.map(({ id }) => id);
  if (!wanted) {
    const [only, ...others] = usable;
    if (only && others.length === 0) return only;
    throw new UserError(
      'endpoint-model',
      only
        ? msg`The completion server at ${endpoint.host} has several models: ${abbreviateNames(ids)}.`
        : msg`The completion server at ${endpoint.host} has no models.`,
      msg`Choose one with {endpoint-model}.`,
    );
  }
  const match =
    listed.find(({ id }) => id === wanted) ??
    // Ollama's tag for the newest version of a model.
    listed.find(({ id }) => id === `${wanted}:latest`) ??
    listed.find(({ aliases }) => aliases?.includes(wanted));
  if (!match) throw modelMissing(endpoint, wanted, ids);
  if (canComplete(match)) return match;
  throw new UserError(
    'endpoint-model',
    msg`The model "${wanted}" of the completion server at ${endpoint.host} does not support fill-in-the-middle.`,
    msg`Choose another one with {endpoint-model}.`,
  );
}

/** The server's own way if it has one, else the markers known for the model. */
async function findFill(
  remote: Remote,
  kind: ServerKind,
  model: ListedModel,
  listed: readonly ListedModel[],
  signal?: AbortSignal,
): Promise<Fill> {
  if (kind === 'forget-me-not') return { by: 'own', middle: model.fill_in_the_middle ?? false };
  if (model.capabilities?.completion_fim) return { by: 'fim' };
  const asksInfill = kind === 'llama.cpp' || kind === 'other';
  if (asksInfill && (await supportsInfill(remote, model.id, signal))) return { by: 'infill' };
  if (kind !== 'llama.cpp' && (await supportsSuffix(remote, model.id, signal))) return { by: 'suffix' };
  const asksFim = kind === 'mistral' || kind === 'other';
  if (asksFim && isFim(await attempt(remote, fimRoute(remote), fimProbe(model.id), signal)))
    return { by: 'fim' };
  const template = findTemplate(namesOf(model, listed));
  // Ollama wraps a prompt in the model's chat template, so markers would not be parsed.
  return template && kind !== 'ollama' ? { by: 'template', template } : { by: 'none' };
}

/** A model's name, its file's, and those of its base: vLLM names the base of an adapter. */
function namesOf(model: ListedModel, listed: readonly ListedModel[]): string[] {
  const base = listed.find(({ id }) => id === model.parent);
  return [model.id, model.root, model.parent, base?.root].filter((name) => typeof name === 'string');
}

const PROBE_CODE = {
  before: 'def add(a, b):\n    return ',
  after: '\n\n\nprint(add(1, 2), add(3, 4), add(5, 6))\n',
};

const infillSchema = z.object({ content: z.string() });

/** Models without the tokens, and servers without the route, refuse. */
async function supportsInfill(remote: Remote, model: string, signal?: AbortSignal): Promise<boolean> {
  const body = {
    model,
    input_prefix: PROBE_CODE.before,
    input_suffix: PROBE_CODE.after,
    n_predict: 1,
    stream: false,
  };
  const answer = await attempt(remote, `${remote.endpoint.root}/infill`, body, signal);
  return infillSchema.safeParse(answer).success;
}

const usageSchema = z.object({ usage: z.object({ prompt_tokens: z.number() }) });

/**
 * Whether the model gets the suffix: some servers refuse the field, and some ignore it. So the prompt has to grow with
 * it.
 */
async function supportsSuffix(remote: Remote, model: string, signal?: AbortSignal): Promise<boolean> {
  const url = `${remote.endpoint.api}/completions`;
  const plain = { model, prompt: PROBE_CODE.before, max_tokens: 1, temperature: 0 };
  const lengths: number[] = [];
  for (const suffix of ['\n', PROBE_CODE.after]) {
    const usage = usageSchema.safeParse(await attempt(remote, url, { ...plain, suffix }, signal));
    if (!usage.success) return false;
    lengths.push(usage.data.usage.prompt_tokens);
  }
  return lengths[1]! > lengths[0]! + 5;
}

const fimSchema = z.object({
  choices: z.array(z.object({ message: z.object({ content: z.string() }) })).min(1),
});
const isFim = (answer: unknown) => fimSchema.safeParse(answer).success;
const fimRoute = ({ endpoint }: Remote) => `${endpoint.api}/fim/completions`;
const fimProbe = (model: string) => ({
  model,
  prompt: PROBE_CODE.before,
  suffix: PROBE_CODE.after,
  max_tokens: 1,
  temperature: 0,
});

/** Codestral's own endpoint has the route but lists no models; its documentation gives this name. */
const UNLISTED = 'codestral-latest';

/** The model that answers at the route; undefined if there is no such route. */
async function findUnlisted(
  remote: Remote,
  requested: string,
  signal?: AbortSignal,
): Promise<ListedModel | undefined> {
  const id = requested || UNLISTED;
  try {
    const body = fimProbe(id);
    const answer = await askJson(remote, fimRoute(remote), { body, signal, timeoutMs: TRY_MS });
    if (!isFim(answer)) return undefined;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    if (error.isAboutModel && requested) throw modelMissing(remote.endpoint, requested, []);
    return undefined;
  }
  return { id, owned_by: 'mistralai', capabilities: { completion_fim: true } };
}

/** The answer; undefined if the request is refused or not supported. Throws temporary failures. */
async function attempt(remote: Remote, url: string, body: object, signal?: AbortSignal): Promise<unknown> {
  try {
    return await askJson(remote, url, { body, signal, timeoutMs: TRY_MS });
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    // llama.cpp answers 501 for a model without the tokens.
    if (error instanceof UserError && error.code === 'endpoint-failed' && !isBusy(error)) return undefined;
    throw error;
  }
}

/** One line for logs: what the server is, and how it fills in the middle. */
export function describeServer({ kind, model, fill }: ServerInfo, host: string): string {
  const name = {
    'forget-me-not': 'Forget-Me-Not',
    'llama.cpp': 'llama.cpp',
    vllm: 'vLLM',
    ollama: 'Ollama',
    mistral: 'Mistral',
  };
  const server = kind === 'other' ? 'a server' : name[kind];
  const fillTexts = {
    own: 'tokens and other files as on this machine',
    infill: 'it fills in the middle by its /infill',
    suffix: 'it fills in the middle by the field "suffix"',
    fim: 'it fills in the middle by its /fim/completions',
    none: 'nothing after the cursor is used, because neither server nor model is known to fill in the middle',
  };
  const fillText =
    fill.by === 'template' ? `fills in the middle by the marks of ${fill.template.name}` : fillTexts[fill.by];
  return `${server} at ${host}, model ${model}: ${fillText}`;
}
