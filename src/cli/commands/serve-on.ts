/** `serve --on URL`: hands runs to a server elsewhere, lists what it has, takes them away again. */
import { basename } from 'node:path';
import { networkFetch } from '../../base-models/pypi/network.ts';
import { UserError } from '../../protocol/errors.ts';
import { exportMessageSchema } from '../../protocol/export.ts';
import { readSpec, findRun } from '../../runs/index.ts';
import { parseEndpoint, type Endpoint } from '../../serving/remote/address.ts';
import { listModels } from '../../serving/remote/probe.ts';
import type { Remote } from '../../serving/remote/remote-http.ts';
import { LlamaCppServer } from '../../sharing/servers/llama-cpp.ts';
import {
  notOffered,
  offerOnLlamaCpp,
  offerOnVllm,
  type Offered,
  type Wanted,
} from '../../sharing/servers/offer.ts';
import { SharedFolder } from '../../sharing/servers/shared-folder.ts';
import { VllmServer } from '../../sharing/servers/vllm.ts';
import { followChild } from '../processes/follow-child.ts';
import { findServed } from '../processes/served-check.ts';
import { formatTable } from '../view/format.ts';
import { printJson } from '../view/output.ts';

export const SERVER_TOKEN = 'FORGET_ME_NOT_ENDPOINT_TOKEN';

export interface ServeOnOptions {
  on: string;
  /** NAME=RUN, or only RUN. */
  adapter?: string[] | undefined;
  unload?: string[] | undefined;
  shared?: string | undefined;
  json?: boolean | undefined;
}

/** Errors: those of the server, and adapter-mismatch for the first adapter that is not offered. */
export async function serveOn(options: ServeOnOptions): Promise<void> {
  const { adapter = [], unload = [], json = false } = options;
  const endpoint = parseEndpoint(options.on);
  if (endpoint.plainText) process.stderr.write(`Everything goes to ${endpoint.host} in plain text.\n`);
  const remote: Remote = {
    endpoint,
    token: () => Promise.resolve(process.env[SERVER_TOKEN]),
    fetch: networkFetch as typeof fetch,
  };
  const owner = (await listModels(remote))[0]?.owned_by;
  const offered: Offered[] = [];
  if (owner === 'vllm') offered.push(...(await onVllm(new VllmServer(remote), options, endpoint)));
  else if (owner === 'llamacpp')
    offered.push(...(await onLlamaCpp(new LlamaCppServer(remote), options, endpoint)));
  else
    throw new UserError(
      'endpoint-unknown',
      `The server at ${endpoint.host} is neither vLLM nor llama.cpp's, so it can't be given adapters.`,
      'Serve from this machine without --on.',
    );
  const refused = offered.find((one) => !one.offered);
  if (refused) throw notOffered(refused, endpoint.host);
  if (json) return printJson({ server: owner, host: endpoint.host, offered, models: await namesOf(remote) });
  for (const { name, check } of offered)
    console.log(
      `${name} is offered at ${endpoint.host}. Checked there: ${check.meanKl.toPrecision(2)} nats per token from what was trained, limit ${check.limit.toPrecision(2)}.`,
    );
  if (adapter.length + unload.length === 0 && owner === 'vllm')
    console.log(formatTable([['model', 'from', 'base'], ...(await listed(remote))]));
  if (offered.length > 0)
    console.log(
      `In VS Code: set forgetMeNot.completion.endpoint to ${endpoint.api}${owner === 'vllm' ? `, and endpointModel to ${offered[0]!.name}` : ''}.`,
    );
}

const namesOf = async (remote: Remote) => (await listModels(remote)).map(({ id }) => id);

const listed = async (remote: Remote) =>
  (await listModels(remote)).map(({ id, root, parent }) => [id, root ?? '', parent ?? '']);

async function onVllm(
  server: VllmServer,
  { adapter = [], unload = [], shared: folder }: ServeOnOptions,
  { host }: Endpoint,
): Promise<Offered[]> {
  const shared = folder === undefined ? undefined : SharedFolder.parse(folder);
  for (const name of unload) await unloadFromVllm(server, name, shared);
  if (adapter.length > 0 && !shared)
    throw new UserError(
      'bad-argument',
      'vLLM reads adapters from a folder, and none was given.',
      'Give one that both machines see: --shared FOLDER, or --shared FOLDER=PATH_ON_SERVER.',
    );
  const offered: Offered[] = [];
  for (const wanted of await wantedRuns(adapter))
    offered.push(await offerOnVllm(server, wanted, shared!, means(host)));
  return offered;
}

async function unloadFromVllm(server: VllmServer, name: string, shared?: SharedFolder): Promise<void> {
  const before = (await server.models()).adapters.find(({ id }) => id === name);
  await server.unload(name);
  if (!shared || !before) return;
  await shared.unlink(name);
  const own = shared.ownFolder(name, before.root);
  if (own !== undefined) await shared.remove(own);
}

async function onLlamaCpp(
  server: LlamaCppServer,
  { adapter = [], unload = [], json = false }: ServeOnOptions,
  { host }: Endpoint,
): Promise<Offered[]> {
  const [wanted, ...others] = await wantedRuns(adapter);
  if (others.length > 0)
    throw new UserError(
      'bad-argument',
      "llama.cpp's server applies its adapters to all requests, so only one can be offered.",
      'Name one --adapter, or use vLLM.',
    );
  const all = await server.adapters();
  if (unload.length > 0) await server.use(undefined, all);
  if (wanted) return [await offerOnLlamaCpp(server, wanted, means(host))];
  if (!json)
    console.log(
      formatTable([
        ['adapter', 'file', 'applied'],
        ...(await server.adapters()).map(({ id, path, scale }) => [String(id), path, String(scale)]),
      ]),
    );
  return [];
}

/** The runs, checked on this machine first. Errors: those of findServed; bad-argument for a full fine-tune. */
async function wantedRuns(given: readonly string[]): Promise<Wanted[]> {
  const wanted: Wanted[] = [];
  for (const one of given) {
    const [, name, run = ''] = /^(?:([^=]+)=)?(.+)$/.exec(one) ?? [];
    const dir = await findRun(run);
    const { adapters } = await findServed(dir);
    const spec = await readSpec(dir);
    if (adapters.length === 0)
      throw new UserError(
        'bad-argument',
        `Run ${spec.id} trained all weights, so it is no adapter that a server could load.`,
        'Write the model with export --to gguf-merged, and start a server on it.',
      );
    wanted.push({ name: checkedName(name ?? basename(dir)), dir, spec });
  }
  return wanted;
}

function checkedName(name: string): string {
  if (/^[A-Za-z0-9][\w.-]{0,80}$/.test(name)) return name;
  throw new UserError(
    'bad-argument',
    `"${name}" can't be the name of a model.`,
    'Use letters, digits, dots, dashes and underscores.',
  );
}

const means = (host: string) => ({
  host,
  say: (text: string) => void process.stderr.write(`${text}\n`),
  writePeft: (dir: string, output: string, baseName: string) =>
    followChild('exporter', [dir, '--to', 'peft', '--output', output, '--base-name', baseName], {
      schema: exportMessageSchema,
      onMessage: () => undefined,
    }),
});
