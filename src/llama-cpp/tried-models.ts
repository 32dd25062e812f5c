/**
 * Has a process of its own open a file before llama.cpp opens it here: llama.cpp aborts the process at some files, in
 * more ways than can be checked before. What came of it is kept, by the file's checksum and llama.cpp's version.
 */
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import { availableMemory } from '../platform/machine/available-memory.ts';
import { startBundle } from '../platform/processes/bundles.ts';
import { describeEnd, endedEarly, hasCrashed } from '../platform/processes/child-end.ts';
import { endOf } from '../platform/processes/start.ts';
import { errorOf, msg, UserError } from '../text/errors.ts';
import { isRecent, JsonCache } from '../platform/files/json-cache.ts';
import { parseLine } from '../platform/files/lines.ts';
import { triedSchema, type Tried } from '../protocol/tried-model.ts';
import { examine } from '../base-models/checksums.ts';
import { gpuPackagesVersion } from './gpu-packages.ts';
import { knownBases } from '../base-models/registry.ts';

/** The vocabulary alone, for a tokenizer; or all of it, for a context in which something is computed. */
export type Opening = 'vocabulary' | 'whole';

const outcomeSchema = z.object({
  outcome: z.enum(['opens', 'ends', 'slow', 'memory']),
  /** Of a process that ended: its exit status or signal. */
  how: z.string().optional(),
  at: z.number(),
});
type Outcome = z.infer<typeof outcomeSchema>;

const outcomes = new JsonCache('tried-models.json', outcomeSchema);
/** After this long, what was refused is tried again: the machine may have been busy, or its memory full. */
const REFUSED_MS = 24 * 3600_000;

/**
 * Resolves once the file is known to end no process that opens it like that. The files of our registry are: their
 * checksums are pinned. Throws UserError `base-not-gguf` for a file that is known to, `memory` where this machine has
 * not enough of it, what llama.cpp says against the file as an Error, and like `examine` and sharedLlama.
 */
export async function requireTried(path: string, wanted: Opening): Promise<void> {
  const { sha256, size } = await examine(path);
  if (knownBases.some((base) => base.sha256 === sha256)) return;
  // A GPU may have room for more than the machine has. The vocabulary comes with all other metadata.
  const opening = (await availableMemory()) < size ? 'vocabulary' : wanted;
  const keyOf = (how: Opening) => `${sha256} ${gpuPackagesVersion} ${how}`;
  const isKnown = async (how: Opening) => (await outcomes.get(keyOf(how)))?.outcome === 'opens';
  // Whoever opens all of it opens its vocabulary.
  if (await isKnown('whole')) return;
  const known = await outcomes.get(keyOf(opening));
  if (known?.outcome === 'opens') return;
  if (known && isRecent(known.at, REFUSED_MS)) throw refusal(path, known);
  const outcome = await tryToOpen(path, size, opening);
  await outcomes.set(keyOf(opening), outcome);
  if (outcome.outcome !== 'opens') throw refusal(path, outcome);
}

/** Starts dist/try-model.mjs. Throws what is not to be kept: it is not about the file, or tells by itself. */
async function tryToOpen(path: string, bytes: number, opening: Opening): Promise<Outcome> {
  const child = startBundle('try-model', [path, String(bytes), opening], {
    stdio: ['ignore', 'pipe', 'ignore'],
    // llama.cpp would call a debugger when it aborts.
    env: { GGML_NO_BACKTRACE: '1' },
  });
  const [said, { how, error }] = await Promise.all([text(child.stdout!), endOf(child)]);
  if (error) throw error;
  const told = parseLine(triedSchema, said.split('\n')[0]!);
  if (told.ok) return outcomeOf(told.value);
  if (hasCrashed(how)) return { outcome: 'ends', how: describeEnd(how), at: Date.now() };
  throw endedEarly('The process that tries a model', how, NEXT);
}

function outcomeOf(tried: Tried): Outcome {
  if (tried.type === 'failed') throw errorOf(tried);
  if (tried.type === 'refused') throw new Error(tried.why);
  return { outcome: tried.type, at: Date.now() };
}

const NEXT = msg`Choose another base, or fetch this one again.`;

function refusal(path: string, { outcome, how = '' }: Outcome): UserError {
  if (outcome === 'slow')
    return new UserError('base-not-gguf', msg`llama.cpp takes too long to open ${path}.`, NEXT);
  if (outcome === 'memory')
    return new UserError(
      'base-not-gguf',
      msg`llama.cpp takes far more memory for ${path} than it has bytes.`,
      NEXT,
    );
  return new UserError(
    'base-not-gguf',
    msg`llama.cpp can't open ${path}: it ends the process that does (${how}), so the file is damaged or of a kind that it does not know.`,
    NEXT,
  );
}
