/** What the trainer computes for a run's adapter on the texts for comparing servers, in a separate process. */
import { join } from 'node:path';
import { ScorerProcess } from '../../evaluation/scorer/process.ts';
import { artefactName, type RunSpec } from '../../protocol/run.ts';

export interface TrainedPrompt {
  /** The rows after each token except the last. */
  trained: Float32Array[];
  base: Float32Array[];
}

/** Errors: those of the scorer. In f32, as for the check on this machine. */
export async function trainedPrompts(
  dir: string,
  spec: RunSpec,
  prompts: readonly Int32Array[],
): Promise<TrainedPrompt[]> {
  const { base, backend, device, planned } = spec;
  const scorer = await ScorerProcess.open({
    basePath: base.path,
    adapterPath: join(dir, artefactName(spec)),
    precision: 'f32',
    backend,
    device,
    planned,
  });
  try {
    const found: TrainedPrompt[] = [];
    for (const tokens of prompts)
      found.push({
        trained: (await scorer.probabilities(tokens, 'result')).slice(0, -1),
        base: (await scorer.probabilities(tokens, 'base')).slice(0, -1),
      });
    return found;
  } finally {
    await scorer.dispose();
  }
}
