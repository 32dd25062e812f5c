import { describe, expect, it } from 'vitest';
import { readConfig } from '../../../src/model/index.ts';
import { operationsPerToken } from '../../../src/training/operations.ts';
import { tinyWeights } from '../../support/tiny-weights.ts';

/** Keys that attention sees in a sequence, counted one by one, position t seeing t + 1/2 of them. */
function keysSeen(length: number, window: number): number {
  let seen = 0;
  for (let query = 0; query < length; query++)
    for (let key = 0; key <= query; key++) if (query - key < window) seen += key === query ? 0.5 : 1;
  return seen;
}

describe('operations per token', () => {
  const source = () => tinyWeights({ architecture: 'gemma3', layers: 6 });
  const operations = (window: number | undefined, sequenceLength = 512) => {
    const weights = source();
    weights.metadata['gemma3.attention.sliding_window'] = window;
    return operationsPerToken(readConfig(weights), { method: 'full', sequenceLength }, 0);
  };

  it('count attention inside the window of layers that have one', () => {
    // Every sixth layer sees all. Four heads of eight, 12 operations for each key and component.
    const [length, window] = [512, 100];
    const less = (5 * 12 * 4 * 8 * (keysSeen(length, Infinity) - keysSeen(length, window))) / length;
    const counted = operations(undefined) - operations(window);
    // Where the window is full, it has its own key whole: half a key of 100.
    expect(Math.abs(counted / less - 1)).toBeLessThan(0.01);
  });

  it('are the same with a window as long as the sequence, or longer', () => {
    for (const window of [512, 4096]) expect(operations(window)).toBe(operations(undefined));
  });

  it('are 6 for each weight, and 6 for each layer, position and component of attention, without windows', () => {
    const config = readConfig(tinyWeights());
    const weights = 40 * 32 + 2 * (2 * 32 * 32 + 2 * 16 * 32 + 3 * 48 * 32);
    expect(operationsPerToken(config, { method: 'full', sequenceLength: 64 }, 0)).toBe(
      6 * weights + 6 * 2 * 64 * 32,
    );
  });
});
