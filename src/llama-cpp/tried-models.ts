/**
 * Opens a file in a separate process before llama.cpp opens it here, because llama.cpp aborts on some files for more
 * reasons than can be checked beforehand. The outcome is cached by the file's checksum and llama.cpp's version.
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
import { gpuPackagesVersion } from '../packages/gpu-packages.ts';
import { knownBases } from '../base-models/registry.ts';

/** How a model is opened: only the vocabulary, for a tokenizer, or completely, for inference. */
export type Opening = 'vocabulary' | 'whole';

const outcomeSchema = z.object({
  outcome: z.enum(['opens', 'ends', 'slow', 'memory']),
  /** Exit status or signal of a process that crashed. */
  how: z.string().optional(),
  at: z.number(),
});
type Outcome = z.infer<typeof outcomeSchema>;

const outcomes = new JsonCache('tried-models.json', outcomeSchema);
/** After this time a rejected file is tried again, because the machine may have been busy or out of memory. */
const RETRY_MS = 24 * 3600_000;

/**
 * Resolves once the file is known not to crash the process when opened like this. Files of our registry are known by
 * their pinned checksums. Throws UserError `base-not-gguf` for a file that crashes it, `memory` if the machine has too
 * little, an Error with llama.cpp's reason if it rejects the file, and like `examine` and sharedLlama.
 */
export async function requireOpenable(path: string, wanted: Opening): Promise<void> {
  const { sha256, size } = await examine(path);
  if (knownBases.some((base) => base.sha256 === sha256)) return;
  // If the model exceeds main memory (a GPU may have more), try only the vocabulary, which includes all metadata.
  const opening = (await availableMemory()) < size ? 'vocabulary' : wanted;
  const keyOf = (how: Opening) => `${sha256} ${gpuPackagesVersion} ${how}`;
  const isKnown = async (how: Opening) => (await outcomes.get(keyOf(how)))?.outcome === 'opens';
  // Opening the whole model includes the vocabulary.
  if (await isKnown('whole')) return;
  const known = await outcomes.get(keyOf(opening));
  if (known?.outcome === 'opens') return;
  if (known && isRecent(known.at, RETRY_MS)) throw refusal(path, known);
  const outcome = await tryOpening(path, size, opening);
  await outcomes.set(keyOf(opening), outcome);
  if (outcome.outcome !== 'opens') throw refusal(path, outcome);
}

/** Runs dist/try-model.mjs. Outcomes that don't depend on the file, and so must not be cached, are thrown. */
async function tryOpening(path: string, bytes: number, opening: Opening): Promise<Outcome> {
  const child = startBundle('try-model', [path, String(bytes), opening], {
    stdio: ['ignore', 'pipe', 'ignore'],
    // Otherwise llama.cpp starts a debugger when it aborts.
    env: { GGML_NO_BACKTRACE: '1' },
  });
  const [said, { how, error }] = await Promise.all([text(child.stdout!), endOf(child)]);
  if (error) throw error;
  const result = parseLine(triedSchema, said.split('\n')[0]!);
  if (result.ok) return toOutcome(result.value);
  if (hasCrashed(how)) return { outcome: 'ends', how: describeEnd(how), at: Date.now() };
  throw endedEarly('The process that tries a model', how, NEXT);
}

function toOutcome(tried: Tried): Outcome {
  if (tried.type === 'failed') throw errorOf(tried);
  if (tried.type === 'refused') throw new Error(tried.why);
  return { outcome: tried.type, at: Date.now() };
}

const NEXT = msg`Choose another base, or download this one again.`;

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
