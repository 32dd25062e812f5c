import { collect, type CollectOptions } from './collect.ts';
import type { CorpusSummary, KeptEntry, LeftOutEntry } from './manifest.ts';

export interface Survey {
  /** Without tokens: those counts are 0. */
  summary: CorpusSummary;
  kept: KeptEntry[];
  leftOut: LeftOutEntry[];
}

/**
 * What would go into a corpus and what would not; nothing is written and no tokenizer is needed.
 * Errors: corpus-empty, corpus-unreadable, cancelled.
 */
export async function surveyFolder(options: CollectOptions): Promise<Survey> {
  const leftOut: LeftOutEntry[] = [];
  const { kept, summary } = await collect(options, {
    keep: () => Promise.resolve(0),
    leaveOut: (entry) => void leftOut.push(entry),
  });
  return { summary, kept, leftOut };
}
