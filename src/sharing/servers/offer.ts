/** Offers runs on a remote server: each is checked there before it gets its public name. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { examine } from '../../base-models/checksums.ts';
import { UserError } from '../../text/errors.ts';
import { artefactName, type RunSpec } from '../../protocol/run.ts';
import { BASE_LIMIT, judgeServer, type ServerCheck, type TopTokens } from './compare.ts';
import { findAdapter, STRIDE, type LlamaCppServer } from './llama-cpp.ts';
import { checkPrompts } from './prompts.ts';
import { SharedFolder } from './shared-folder.ts';
import { trainedPrompts, type TrainedPrompt } from './trained.ts';
import type { VllmServer } from './vllm.ts';

export interface OfferRequest {
  /** The model's name on the server. */
  name: string;
  dir: string;
  spec: RunSpec;
}

export interface OfferResult {
  name: string;
  run: string;
  check: ServerCheck;
  /** Whether the server offers it now. */
  offered: boolean;
}

export interface OfferTools {
  /** For display: host and port. */
  host: string;
  /** Exports a run as a PEFT folder, and checks it here. `baseName`: the server's name for its base. */
  writePeft(dir: string, output: string, baseName: string): Promise<void>;
  report(text: string): void;
  /** Default: the trainer in a separate process. */
  trained?: typeof trainedPrompts;
}

/** Its name during the check, which no client would request by accident. */
const checkingName = (name: string) => `${name}.being-checked`;

/**
 * Writes the adapter into the shared folder, has the server load it under a temporary name, compares, and only then
 * offers it under its own name. An adapter that differs is unloaded and its folder removed; another one that was
 * offered under that name before stays. Errors: those of the server, the exporter and the trainer.
 */
export async function offerOnVllm(
  server: VllmServer,
  { name, dir, spec }: OfferRequest,
  shared: SharedFolder,
  means: OfferTools,
): Promise<OfferResult> {
  const { base, adapters } = await server.models();
  const sha256 = await weightsDigest(dir, spec, base.root);
  const folder = SharedFolder.folderOf(name, sha256);
  await shared.make();
  if (!shared.has(folder)) {
    means.report(`Writing ${name}`);
    await means.writePeft(dir, shared.pathHere(folder), base.root);
  }
  means.report(`Checking ${name} at ${means.host}`);
  const check = await checkOnVllm(
    server,
    { name, dir, spec },
    // Left by a killed command.
    {
      folder,
      shared,
      base: base.id,
      means,
      left: adapters.find(({ id }) => id === checkingName(name))?.root,
    },
  );
  const before = adapters.find(({ id }) => id === name);
  const old = before && (await shared.ownFolder(name, before.root));
  if (check.verdict !== 'same') {
    if (old === folder) await server.unload(name);
    await shared.remove(folder);
    return { name, run: spec.id, check, offered: false };
  }
  await server.load(name, shared.pathThere(folder), { replace: before?.root });
  await shared.link(name, folder);
  if (old !== undefined && old !== folder) await shared.remove(old);
  return { name, run: spec.id, check, offered: true };
}

/** Digest of the folder's content: the weights, and the name of the base in its configuration. */
async function weightsDigest(dir: string, spec: RunSpec, root: string): Promise<string> {
  const { sha256 } = await examine(join(dir, artefactName(spec)));
  return createHash('sha256').update(`${sha256} ${root}`).digest('hex');
}

interface PlacedAdapter {
  folder: string;
  shared: SharedFolder;
  /** Name of the server's base. */
  base: string;
  /** The model that has the temporary name, if it is taken. */
  left: string | undefined;
  means: OfferTools;
}

async function checkOnVllm(
  server: VllmServer,
  { name, dir, spec }: OfferRequest,
  { folder, shared, base, left, means }: PlacedAdapter,
): Promise<ServerCheck> {
  const prompts = await checkPrompts(spec.base.path);
  const ours = await (means.trained ?? trainedPrompts)(dir, spec, prompts);
  const checking = checkingName(name);
  await server.load(checking, shared.pathThere(folder), { replace: left });
  try {
    const [serverBase, adapted]: TopTokens[][] = [[], []];
    for (const tokens of prompts) {
      serverBase!.push(...(await server.distributions(base, tokens)));
      adapted!.push(...(await server.distributions(checking, tokens)));
    }
    return judgeServer({ ...joined(ours), serverBase: serverBase!, server: adapted! });
  } finally {
    await server.unload(checking);
  }
}

/**
 * Checks the adapter that the server was started with, and applies it to all requests. An adapter that differs is
 * turned off. Errors: endpoint-model, and those of the server and the trainer.
 */
export async function offerOnLlamaCpp(
  server: LlamaCppServer,
  { name, dir, spec }: OfferRequest,
  means: OfferTools,
): Promise<OfferResult> {
  const all = await server.adapters();
  const { id } = findAdapter(all, name, means.host);
  means.report(`Checking ${name} at ${means.host}`);
  const prompts = await checkPrompts(spec.base.path);
  const ours = await (means.trained ?? trainedPrompts)(dir, spec, prompts);
  const [serverBase, adapted]: TopTokens[][] = [[], []];
  const kept: TrainedPrompt[] = [];
  for (const [index, tokens] of prompts.entries()) {
    const asked = { tokens, lengths: strideLengths(tokens.length) };
    serverBase!.push(...(await server.distributions(undefined, all, asked)));
    adapted!.push(...(await server.distributions(id, all, asked)));
    const { trained, base } = ours[index]!;
    // The row after a prompt of this many tokens.
    kept.push({
      trained: asked.lengths.map((length) => trained[length - 1]!),
      base: asked.lengths.map((length) => base[length - 1]!),
    });
  }
  const check = judgeServer({ ...joined(kept), serverBase: serverBase!, server: adapted! });
  const offered = check.verdict === 'same';
  // Whatever else was applied stays as it is, unless it was this one.
  if (offered) await server.applyAdapter(id, all);
  else if (all.some((adapter) => adapter.id === id && adapter.scale !== 0))
    await server.applyAdapter(undefined, all);
  return { name, run: spec.id, check, offered };
}

/** STRIDE, twice STRIDE ..., below `length`. */
const strideLengths = (length: number) =>
  Array.from({ length: Math.ceil(length / STRIDE) - 1 }, (_, index) => STRIDE * (index + 1));

const joined = (prompts: readonly TrainedPrompt[]) => ({
  trained: prompts.flatMap(({ trained }) => trained),
  base: prompts.flatMap(({ base }) => base),
});

/** Why it is not offered. */
export function refusalError({ name, check }: OfferResult, host: string): UserError {
  const { meanKl, limit, baseKl, change } = check;
  const [kl, most, ofBase, lost] = [meanKl, limit, baseKl, change].map((value) => value.toPrecision(2));
  if (check.verdict === 'other-base')
    return new UserError(
      'adapter-mismatch',
      `The base at ${host} is another model than that of ${name}: ${ofBase} nats per token apart, where ${BASE_LIMIT} is allowed. The adapter is not offered there.`,
      'Serve the base that the adapter was trained on.',
    );
  if (check.verdict === 'not-applied')
    return new UserError(
      'adapter-mismatch',
      `The server at ${host} does not apply ${name}: it is ${kl} nats per token from what was trained, and its base without the adapter ${lost}. The adapter is not offered there.`,
      'Check that the server supports LoRA on this architecture.',
    );
  return new UserError(
    'adapter-mismatch',
    `The server at ${host} computes something else than was trained for ${name}: ${kl} nats per token apart, where ${most} is allowed. The adapter is not offered there.`,
    'Serve the same base in the same or a higher precision.',
  );
}
