/**
 * An adapter's weights in memory. node-llama-cpp keeps every adapter that a context was made with until the model goes,
 * under its path: they would add up, and a file that was replaced would go on being served as it was. It offers no way
 * to let go of one, so its table (version 3.21) is read here and nowhere else.
 */
import { resolve } from 'node:path';
import type { LlamaModel } from 'node-llama-cpp';

interface Weights {
  dispose(): Promise<void>;
}

/** Takes an adapter's weights out of the model's table; whoever has them frees them after the context is gone. */
export function takeWeights(model: LlamaModel, path: string): Weights | undefined {
  const table = tableOf(model);
  const weights = table?.get(resolve(path));
  table?.delete(resolve(path));
  return weights;
}

/** Whether the model holds this adapter for other contexts too. */
export function holdsWeights(model: LlamaModel, path: string): boolean {
  return tableOf(model)?.has(resolve(path)) ?? false;
}

const tableOf = (model: LlamaModel) =>
  (model as unknown as { _loraAdapters?: Map<string, Weights> })._loraAdapters;
