import { corpusPlanSchema, type CorpusPlan } from '../protocol/run.ts';
import { collect, type CollectOptions } from './collect.ts';
import type { CorpusSummary, KeptEntry, LeftOutEntry } from './manifest.ts';
import { summarise } from './summary.ts';
import type { Text } from '../text/message.ts';

export interface Survey {
  /** All token counts are 0. */
  summary: CorpusSummary;
  kept: KeptEntry[];
  leftOut: LeftOutEntry[];
}

/**
 * Determines what a corpus would contain and leave out. Writes nothing and needs no tokenizer. Errors: corpus-empty,
 * corpus-unreadable, cancelled, and what `documents` throws.
 */
export async function surveyCorpus(
  options: CollectOptions & { plan?: CorpusPlan; warnings?: readonly Text[] },
): Promise<Survey> {
  const leftOut: LeftOutEntry[] = [];
  const collected = await collect(options, {
    keep: () => Promise.resolve({ tokens: 0 }),
    leaveOut: (entry) => void leftOut.push(entry),
  });
  const kept = collected.parts.map(({ entry }) => ({ ...entry, offset: 0 }));
  const plan = options.plan ?? corpusPlanSchema.parse({});
  return { summary: summarise(kept, collected, { options, plan, documentEnd: 0 }), kept, leftOut };
}
