/** Finds out what a server elsewhere is, which models it has, and how it fills in the middle. Sends none of the user's code. */
import { z } from 'zod';
import { msg, UserError } from '../../text/errors.ts';
import { templateOf, type FimTemplate } from './fim-templates.ts';
import { askJson, isBusy, namesOfSome, noModel, notOpenAi, Refusal, type Remote } from './remote-http.ts';

/** A server answers this at once, if it answers. */
const LIST_MS = 8_000;
/** A first token may need the model to be loaded. */
const TRY_MS = 60_000;

export type ServerKind = 'forget-me-not' | 'llama.cpp' | 'vllm' | 'ollama' | 'mistral' | 'other';

/**
 * How the text after the cursor gets to the model: `own`, our own server's way, tokens and other files included;
 * `infill`, llama.cpp's route; `suffix`, OpenAI's field; `fim`, Mistral's route, which also others have; `template`,
 * marks in the prompt; `none`.
 */
export type Fill =
  | { by: 'own'; middle: boolean }
  | { by: 'infill' | 'suffix' | 'fim' | 'none' }
  | { by: 'template'; template: FimTemplate };

export interface Found {
  kind: ServerKind;
  model: string;
  /** All that it has for this. */
  models: string[];
  fill: Fill;
}

const modelSchema = z.object({
  id: z.string(),
  owned_by: z.string().nullish(),
  /** vLLM's: the file or repository, and an adapter's base. */
  root: z.string().nullish(),
  parent: z.string().nullish(),
  /** Our own server's. */
  fill_in_the_middle: z.boolean().optional(),
  /** Mistral's: other names, and what it is for. */
  aliases: z.array(z.string()).optional().catch(undefined),
  capabilities: z.object({ completion_fim: z.boolean() }).optional().catch(undefined),
});
type Listed = z.infer<typeof modelSchema>;
const listSchema = z.object({ data: z.array(modelSchema) });

/**
 * The models that the server has. `wanted`: one that it may have without listing any; "" if none is named. Throws
 * UserError: `endpoint-unknown` if it is no OpenAI server, `endpoint-model` as probe does, and askRemote's.
 */
export async function listModels(remote: Remote, wanted = '', signal?: AbortSignal): Promise<Listed[]> {
  const { endpoint } = remote;
  try {
    const answer = await askJson(remote, `${endpoint.api}/models`, { signal, within: LIST_MS });
    const list = listSchema.safeParse(answer);
    if (list.success) return list.data.data;
    throw notOpenAi(endpoint, 'it lists no models');
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const unlisted = error.status === 404 && (await findUnlisted(remote, wanted, signal));
    if (unlisted) return [unlisted];
    throw notOpenAi(endpoint, `it answers "${error.said}" when asked for its models`);
  }
}

/** Whether it is for code: Mistral also lists models for chats, pictures and speech. */
export const canComplete = ({ capabilities }: Listed): boolean => capabilities?.completion_fim !== false;

const kinds: Record<string, ServerKind> = {
  'forget-me-not': 'forget-me-not',
  llamacpp: 'llama.cpp',
  vllm: 'vllm',
  library: 'ollama',
  mistralai: 'mistral',
};

/**
 * Chooses the model and tries how it is asked. `wanted`: its name; "" if the server's only one is meant. Throws
 * UserError `endpoint-model` if the server lacks it, has it for something else, or has several and none is named; and
 * like listModels.
 */
export async function probe(remote: Remote, wanted: string, signal?: AbortSignal): Promise<Found> {
  const listed = await listModels(remote, wanted, signal);
  const one = chooseModel(remote, listed, wanted);
  const kind = kinds[one.owned_by ?? ''] ?? 'other';
  const fill = await findFill(remote, kind, one, listed, signal);
  return { kind, model: one.id, models: listed.filter(canComplete).map(({ id }) => id), fill };
}

function chooseModel({ endpoint }: Remote, listed: readonly Listed[], wanted: string): Listed {
  const able = listed.filter(canComplete);
  const ids = able.map(({ id }) => id);
  if (!wanted) {
    const [only, ...others] = able;
    if (only && others.length === 0) return only;
    throw new UserError(
      'endpoint-model',
      only
        ? msg`The completion server at ${endpoint.host} has several models: ${namesOfSome(ids)}.`
        : msg`The completion server at ${endpoint.host} has no models.`,
      msg`Choose one with {endpoint-model}.`,
    );
  }
  const found =
    listed.find(({ id }) => id === wanted) ??
    // Ollama's way to name the newest of a model.
    listed.find(({ id }) => id === `${wanted}:latest`) ??
    listed.find(({ aliases }) => aliases?.includes(wanted));
  if (!found) throw noModel(endpoint, wanted, ids);
  if (canComplete(found)) return found;
  throw new UserError(
    'endpoint-model',
    msg`The model "${wanted}" of the completion server at ${endpoint.host} can't fill in code.`,
    msg`Choose another one with {endpoint-model}.`,
  );
}

/** The server's own way where it has one, else the marks that the model is known to have. */
async function findFill(
  remote: Remote,
  kind: ServerKind,
  model: Listed,
  listed: readonly Listed[],
  signal?: AbortSignal,
): Promise<Fill> {
  if (kind === 'forget-me-not') return { by: 'own', middle: model.fill_in_the_middle ?? false };
  if (model.capabilities?.completion_fim) return { by: 'fim' };
  const asksInfill = kind === 'llama.cpp' || kind === 'other';
  if (asksInfill && (await takesInfill(remote, model.id, signal))) return { by: 'infill' };
  if (kind !== 'llama.cpp' && (await takesSuffix(remote, model.id, signal))) return { by: 'suffix' };
  const asksFim = kind === 'mistral' || kind === 'other';
  if (asksFim && isFim(await tried(remote, fimRoute(remote), triedFim(model.id), signal)))
    return { by: 'fim' };
  const template = templateOf(namesOf(model, listed));
  // Ollama puts a prompt into the model's chat template, so marks in it would not be what they are.
  return template && kind !== 'ollama' ? { by: 'template', template } : { by: 'none' };
}

/** A model's name, its file's, and those of its base: vLLM names the base of an adapter. */
function namesOf(model: Listed, listed: readonly Listed[]): string[] {
  const base = listed.find(({ id }) => id === model.parent);
  return [model.id, model.root, model.parent, base?.root].filter((name) => typeof name === 'string');
}

const TRIED = {
  before: 'def add(a, b):\n    return ',
  after: '\n\n\nprint(add(1, 2), add(3, 4), add(5, 6))\n',
};

const infillSchema = z.object({ content: z.string() });

/** Models without the tokens, and servers without the route, refuse. */
async function takesInfill(remote: Remote, model: string, signal?: AbortSignal): Promise<boolean> {
  const body = { model, input_prefix: TRIED.before, input_suffix: TRIED.after, n_predict: 1, stream: false };
  const answer = await tried(remote, `${remote.endpoint.root}/infill`, body, signal);
  return infillSchema.safeParse(answer).success;
}

const usageSchema = z.object({ usage: z.object({ prompt_tokens: z.number() }) });

/**
 * Whether the model reads the suffix: some servers refuse the field, and some take it and leave it out. So the prompt
 * has to become longer by it.
 */
async function takesSuffix(remote: Remote, model: string, signal?: AbortSignal): Promise<boolean> {
  const url = `${remote.endpoint.api}/completions`;
  const plain = { model, prompt: TRIED.before, max_tokens: 1, temperature: 0 };
  const lengths: number[] = [];
  for (const suffix of ['\n', TRIED.after]) {
    const usage = usageSchema.safeParse(await tried(remote, url, { ...plain, suffix }, signal));
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
const triedFim = (model: string) => ({
  ...{ model, prompt: TRIED.before, suffix: TRIED.after, max_tokens: 1, temperature: 0 },
});

/** Codestral's own address has the route and lists no models; its documentation gives this name. */
const UNLISTED = 'codestral-latest';

/** The model that answers there; undefined if there is no such route. */
async function findUnlisted(
  remote: Remote,
  wanted: string,
  signal?: AbortSignal,
): Promise<Listed | undefined> {
  const id = wanted || UNLISTED;
  try {
    const body = triedFim(id);
    const answer = await askJson(remote, fimRoute(remote), { body, signal, within: TRY_MS });
    if (!isFim(answer)) return undefined;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    if (error.isAboutModel && wanted) throw noModel(remote.endpoint, wanted, []);
    return undefined;
  }
  return { id, owned_by: 'mistralai', capabilities: { completion_fim: true } };
}

/** The answer; undefined if it is refused, or the server says that it can't do this. Throws what may be over soon. */
async function tried(remote: Remote, url: string, body: object, signal?: AbortSignal): Promise<unknown> {
  try {
    return await askJson(remote, url, { body, signal, within: TRY_MS });
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    // llama.cpp's for a model without the tokens is 501.
    if (error instanceof UserError && error.code === 'endpoint-failed' && !isBusy(error)) return undefined;
    throw error;
  }
}

/** In one line, for logs: what answers, and how it fills in the middle. */
export function describeFound({ kind, model, fill }: Found, host: string): string {
  const name = {
    ...{ 'forget-me-not': 'Forget-Me-Not', 'llama.cpp': 'llama.cpp', vllm: 'vLLM' },
    ...{ ollama: 'Ollama', mistral: 'Mistral' },
  };
  const server = kind === 'other' ? 'a server' : name[kind];
  const ways = {
    own: 'tokens and other files as on this machine',
    infill: 'it fills in the middle by its /infill',
    suffix: 'it fills in the middle by the field "suffix"',
    fim: 'it fills in the middle by its /fim/completions',
    none: 'nothing after the cursor is used, because neither server nor model is known to fill in the middle',
  };
  const way =
    fill.by === 'template' ? `fills in the middle by the marks of ${fill.template.name}` : ways[fill.by];
  return `${server} at ${host}, model ${model}: ${way}`;
}
