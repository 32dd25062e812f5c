import type { ArchitectureName } from '../../src/base-models/architectures.ts';

/** An architecture's own hyperparameters: ignoring any of them makes a test fail. */
export const tinyHyperparameters: Readonly<Partial<Record<ArchitectureName, Record<string, number>>>> = {
  granite: { embedding_scale: 3, residual_scale: 0.4, 'attention.scale': 0.2, logit_scale: 2.5 },
  gemma3: { 'attention.sliding_window': 24, 'rope.freq_base_swa': 2000 },
};
