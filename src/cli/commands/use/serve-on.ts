/** `serve --on URL`: loads runs into a remote server, lists its adapters, and unloads them. */
import { basename } from 'node:path';
import { networkFetch } from '../../../platform/network/http.ts';
import { formatError, reportError, UserError } from '../../../text/errors.ts';
import { exportMessageSchema, type ExportRequest } from '../../../protocol/export.ts';
import { readSpec, findRun } from '../../../runs/index.ts';
import { parseEndpoint, type Endpoint } from '../../../serving/remote/address.ts';
import { listModels } from '../../../serving/remote/probe.ts';
import type { Remote } from '../../../serving/remote/remote-http.ts';
import { LlamaCppServer } from '../../../sharing/servers/llama-cpp.ts';
import { failureFrom, offerAll, type Outcome } from '../../../sharing/servers/offer-all.ts';
import {
  offerOnLlamaCpp,
  offerOnVllm,
  type OfferResult,
  type OfferRequest,
} from '../../../sharing/servers/offer.ts';
import { SharedFolder } from '../../../sharing/servers/shared-folder.ts';
import { VllmServer } from '../../../sharing/servers/vllm.ts';
import { followChild } from '../../processes/follow-child.ts';
import { findServed } from '../../processes/served-check.ts';
import { formatTable } from '../../view/format.ts';
import { note, print, printJson } from '../../view/output.ts';

export const SERVER_TOKEN = 'FORGET_ME_NOT_ENDPOINT_TOKEN';

export interface ServeOnOptions {
  on: string;
  /** NAME=RUN, or only RUN. */
  adapter?: string[] | undefined;
  unload?: string[] | undefined;
  shared?: string | undefined;
  json?: boolean | undefined;
}

/**
 * Errors: those of the server and of findRun, before anything is changed; after trying all adapters, the error of the
 * one that failed, or an error naming several.
 */
export async function serveOn(options: ServeOnOptions): Promise<void> {
  const { json = false } = options;
  const endpoint = parseEndpoint(options.on);
  if (endpoint.plainText) note(`Everything goes to ${endpoint.host} in plain text.`);
  const remote: Remote = {
    endpoint,
    token: () => Promise.resolve(process.env[SERVER_TOKEN]),
    fetch: networkFetch as typeof fetch,
  };
  const owner = (await listModels(remote))[0]?.owned_by;
  if (owner !== 'vllm' && owner !== 'llamacpp')
    throw new UserError(
      'endpoint-unknown',
      `The server at ${endpoint.host} is neither vLLM nor llama.cpp's, so it can't be given adapters.`,
      'Serve from this machine without --on.',
    );
  const outcome =
    owner === 'vllm'
      ? await useVllm(new VllmServer(remote), options, endpoint)
      : await useLlamaCpp(new LlamaCppServer(remote), options, endpoint);
  const { offered, failed } = outcome;
  // A single failure is reported alone, as text and as JSON.
  const isReported = offered.length > 0 || failed.length !== 1;
  if (json && isReported) printJson(await asJson(outcome, remote, owner));
  else if (isReported) await printOutcome(outcome, remote, owner, options);
  const failure = failureFrom(outcome, endpoint.host);
  if (failure) throw failure;
}

const asJson = async ({ offered, failed }: Outcome, remote: Remote, owner: string) => ({
  server: owner,
  host: remote.endpoint.host,
  offered,
  ...(failed.length > 0 && {
    failed: failed.map(({ name, error }) => ({ name, error: reportError(error) })),
  }),
  models: await offeredNames(remote).catch(() => undefined),
});

async function printOutcome(
  { offered, failed }: Outcome,
  remote: Remote,
  owner: string,
  { adapter = [], unload = [] }: ServeOnOptions,
): Promise<void> {
  const { host, api } = remote.endpoint;
  for (const { name, check } of offered) print(offeredLine(name, check, host));
  if (adapter.length + unload.length === 0 && owner === 'vllm')
    print(formatTable([['model', 'from', 'base'], ...(await listed(remote))]));
  if (offered.length > 0)
    print(
      `In VS Code: set forgetMeNot.completion.endpoint to ${api}${owner === 'vllm' ? `, and endpointModel to ${offered[0]!.name}` : ''}.`,
    );
  // The command fails with a single failure's own error.
  if (failed.length > 1) for (const { name, error } of failed) note(`${name}: ${formatError(error)}`);
}

const offeredLine = (name: string, { meanKl, limit }: OfferResult['check'], host: string) =>
  `${name} is offered at ${host}. Checked there: ${meanKl.toPrecision(2)} nats per token from what was trained, limit ${limit.toPrecision(2)}.`;

const offeredNames = async (remote: Remote) => (await listModels(remote)).map(({ id }) => id);

const listed = async (remote: Remote) =>
  (await listModels(remote)).map(({ id, root, parent }) => [id, root ?? '', parent ?? '']);

async function useVllm(
  server: VllmServer,
  { adapter = [], unload = [], shared: folder }: ServeOnOptions,
  { host }: Endpoint,
): Promise<Outcome> {
  const shared = folder === undefined ? undefined : SharedFolder.parse(folder);
  if (adapter.length > 0 && !shared)
    throw new UserError(
      'bad-argument',
      'vLLM reads adapters from a folder, and none was given.',
      'Give one that both machines see: --shared FOLDER, or --shared FOLDER=PATH_ON_SERVER.',
    );
  // Checked before anything is unloaded.
  const wanted = await parseRuns(adapter);
  for (const name of unload) await unloadFromVllm(server, name, shared);
  return offerAll(wanted, host, (request) => offerOnVllm(server, request, shared!, offerTools(host)));
}

async function unloadFromVllm(server: VllmServer, name: string, shared?: SharedFolder): Promise<void> {
  const before = (await server.models()).adapters.find(({ id }) => id === name);
  const own = before && (await shared?.ownFolder(name, before.root));
  await server.unload(name);
  if (!shared || !before) return;
  await shared.unlink(name);
  if (own !== undefined) await shared.remove(own);
}

async function useLlamaCpp(
  server: LlamaCppServer,
  { adapter = [], unload = [], json = false }: ServeOnOptions,
  { host }: Endpoint,
): Promise<Outcome> {
  const wanted = await parseRuns(adapter);
  if (wanted.length > 1)
    throw new UserError(
      'bad-argument',
      "llama.cpp's server applies its adapters to all requests, so only one can be offered.",
      'Name one --adapter, or use vLLM.',
    );
  const all = await server.adapters();
  if (unload.length > 0) await server.applyAdapter(undefined, all);
  if (wanted.length === 0 && !json)
    print(
      formatTable([
        ['adapter', 'file', 'applied'],
        ...(await server.adapters()).map(({ id, path, scale }) => [String(id), path, String(scale)]),
      ]),
    );
  return offerAll(wanted, host, (request) => offerOnLlamaCpp(server, request, offerTools(host)));
}

/** The runs, checked on this machine first. Errors: those of findServed; bad-argument for a full fine-tune. */
async function parseRuns(given: readonly string[]): Promise<OfferRequest[]> {
  const wanted: OfferRequest[] = [];
  for (const text of given) {
    const [, name, run = ''] = /^(?:([^=]+)=)?(.+)$/.exec(text) ?? [];
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

const offerTools = (host: string) => ({
  host,
  report: (text: string) => note(text),
  writePeft: (dir: string, output: string, baseName: string) =>
    followChild('exporter', [dir, JSON.stringify({ to: 'peft', output, baseName } satisfies ExportRequest)], {
      schema: exportMessageSchema,
      onMessage: () => undefined,
    }),
});
