import type { ArchitectureName } from '../../src/base-models/architectures.ts';

/** Figures of an architecture's own, none of which may be ignored without a test noticing. */
export const tinyFigures: Readonly<Partial<Record<ArchitectureName, Record<string, number>>>> = {
  granite: { embedding_scale: 3, residual_scale: 0.4, 'attention.scale': 0.2, logit_scale: 2.5 },
  gemma3: { 'attention.sliding_window': 24, 'rope.freq_base_swa': 2000 },
};
