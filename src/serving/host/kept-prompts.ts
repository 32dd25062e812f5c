/** Which prompts a model keeps in memory, so that returning to a file finds its text already processed. */
import type { LlamaModel } from 'node-llama-cpp';
import { commonPrefix } from '../../completion/code/text.ts';
import { availableMemory } from '../../platform/machine/available-memory.ts';

/** Shares of the free memory, and of the memory limit, that all prompts of one model may take. */
const FREE_SHARE = 1 / 16;
const LIMIT_SHARE = 1 / 4;
/** A prompt replaces the kept prompt with which it shares at least this much, else the least recently used one. */
const SAME_FILE = 0.25;

/** How many of the `requested` prompts to keep besides those being computed. Sizes in bytes. */
export function affordablePrompts({
  requested,
  perPrompt,
  free,
  limit = Infinity,
}: {
  requested: number;
  perPrompt: number;
  free: number;
  limit?: number | undefined;
}): number {
  const room = Math.min(free * FREE_SHARE, limit * LIMIT_SHARE);
  return Math.max(0, Math.min(requested, Math.floor(room / Math.max(1, perPrompt)) - 1));
}

/** Bytes of the keys and values of a prompt that fills a context of `contextSize` tokens, on the processor. */
export async function promptBytes({ fileInsights }: LlamaModel, contextSize: number): Promise<number> {
  const bytes = (sequences: number) =>
    fileInsights
      .estimateContextResourceRequirementsV2({
        contextSize,
        sequences,
        modelGpuLayers: 0,
        swaFullCache: true,
      })
      .then(({ cpuRam }) => cpuRam);
  return (await bytes(2)) - (await bytes(1));
}

/** How many prompts `model` keeps on the processor. */
export async function keptPrompts(
  model: LlamaModel,
  { requested, contextSize, limit }: { requested: number; contextSize: number; limit?: number | undefined },
): Promise<number> {
  if (requested === 0) return 0;
  const perPrompt = await promptBytes(model, contextSize);
  return affordablePrompts({ requested, perPrompt, free: await availableMemory(), limit });
}

/** The number of `tokens` that need no processing if they replace the prompt `held`; 0 if that is from another file. */
export function reusableTokens(held: readonly number[], tokens: readonly number[]): number {
  const common = commonPrefix(held, tokens);
  return common < SAME_FILE * Math.min(held.length, tokens.length) ? 0 : common;
}
