/**
 * An adapter's weights in memory. node-llama-cpp keeps every adapter that a context was created with, by its path,
 * until the model is disposed: memory would grow, and a replaced file would be served with its old content. It offers
 * no way to free one, so its internal table (version 3.21) is accessed here, and only here.
 */
import { resolve } from 'node:path';
import type { LlamaModel } from 'node-llama-cpp';

interface Weights {
  dispose(): Promise<void>;
}

/** Removes an adapter's weights from the model's table; the caller frees them after the context is disposed. */
export function detachWeights(model: LlamaModel, path: string): Weights | undefined {
  const table = tableOf(model);
  const weights = table?.get(resolve(path));
  table?.delete(resolve(path));
  return weights;
}

/** Whether the model already has this adapter in its table, for other contexts. */
export function hasWeights(model: LlamaModel, path: string): boolean {
  return tableOf(model)?.has(resolve(path)) ?? false;
}

const tableOf = (model: LlamaModel) =>
  (model as unknown as { _loraAdapters?: Map<string, Weights> })._loraAdapters;
