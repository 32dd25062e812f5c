/** Which prompts a model keeps in memory, so that going back to a file finds its text already read. */
import type { LlamaModel } from 'node-llama-cpp';
import { freemem } from 'node:os';
import { commonPrefix } from '../tokens/prompt-tokens.ts';

/** Most of the free memory, and of what contexts may take, that all prompts of one model get. */
const FREE_SHARE = 1 / 16;
const LIMIT_SHARE = 1 / 4;
/** A kept prompt is replaced by one that shares this much with it; by any other, the one unused for longest is. */
const SAME_FILE = 0.25;

/** How many of the `wanted` prompts to keep besides those that are computed. Sizes in bytes. */
export function affordable({
  wanted,
  perPrompt,
  free,
  limit = Infinity,
}: {
  wanted: number;
  perPrompt: number;
  free: number;
  limit?: number | undefined;
}): number {
  const room = Math.min(free * FREE_SHARE, limit * LIMIT_SHARE);
  return Math.max(0, Math.min(wanted, Math.floor(room / Math.max(1, perPrompt)) - 1));
}

/** How many prompts `model` keeps on the processor; 0 if that can't be told. */
export async function keptPrompts(
  { fileInsights }: LlamaModel,
  { wanted, contextSize, limit }: { wanted: number; contextSize: number; limit?: number | undefined },
): Promise<number> {
  if (wanted === 0) return 0;
  const bytes = (sequences: number) =>
    fileInsights
      .estimateContextResourceRequirementsV2({
        contextSize,
        sequences,
        modelGpuLayers: 0,
        swaFullCache: true,
      })
      .then(({ cpuRam }) => cpuRam);
  const perPrompt = (await bytes(2)) - (await bytes(1));
  return affordable({ wanted, perPrompt, free: freemem(), limit });
}

/** How much of `tokens` need not be read again if it replaces the prompt `held`; 0 if that is another file's. */
export function warmth(held: readonly number[], tokens: readonly number[]): number {
  const common = commonPrefix(held, tokens);
  return common < SAME_FILE * Math.min(held.length, tokens.length) ? 0 : common;
}
