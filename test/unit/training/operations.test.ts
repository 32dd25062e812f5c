import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { readConfig } from '../../../src/model/index.ts';
import { matmulRate, operationsPerToken } from '../../../src/training/operations.ts';
import { tinyWeights } from '../../support/tiny-weights.ts';

const busy = vi.hoisted(() => ({ others: 0 }));
vi.mock('../../../src/platform/machine/machine-load.ts', async (original) => ({
  ...(await original<object>()),
  watchLoad: () => () => busy.others,
}));

describe('the speed of large products', () => {
  const home = mkdtempSync(join(tmpdir(), 'fmn-operations-'));
  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(home, { recursive: true, force: true });
  });
  /** A machine on which a product takes this many milliseconds, whatever its size. */
  const machine = (milliseconds: number) => {
    const arrays = { tensor: () => ({}), matmul: () => ({}), slice: () => ({}), dispose: () => undefined };
    const arena = (work: () => unknown) => work();
    return { reason: 'a test', arena, ...arrays, read: () => sleep(milliseconds) } as never;
  };

  it('is not remembered if measured while other programs were busy', async () => {
    vi.stubEnv('FORGET_ME_NOT_HOME', home);
    const rate = (milliseconds: number, others: number) => {
      busy.others = others;
      return matmulRate(machine(milliseconds), 'f32');
    };
    const beside = await rate(60, 3);
    const alone = await rate(12, 0);
    expect(alone).toBeGreaterThan(beside);
    expect(await rate(60, 3)).toBe(alone);
  });
});

/** Keys that attention sees in a sequence, counted one by one, with position t seeing t + 1/2 of them. */
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
    return operationsPerToken(
      readConfig(weights),
      { method: 'full', sequenceLength },
      { trainedParameters: 0 },
    );
  };

  it('count attention only inside the window of layers that have one', () => {
    // Every sixth layer has full attention. Four heads of eight, 12 operations per key and component.
    const [length, window] = [512, 100];
    const less = (5 * 12 * 4 * 8 * (keysSeen(length, Infinity) - keysSeen(length, window))) / length;
    const counted = operations(undefined) - operations(window);
    // Within a full window, a token's own key counts fully: half a key of 100.
    expect(Math.abs(counted / less - 1)).toBeLessThan(0.01);
  });

  it('are the same with a window as long as the sequence, or longer', () => {
    for (const window of [512, 4096]) expect(operations(window)).toBe(operations(undefined));
  });

  it('without windows, are 6 per weight, plus 6 per layer, position and component of attention', () => {
    const config = readConfig(tinyWeights());
    const weights = 40 * 32 + 2 * (2 * 32 * 32 + 2 * 16 * 32 + 3 * 48 * 32);
    expect(operationsPerToken(config, { method: 'full', sequenceLength: 64 }, { trainedParameters: 0 })).toBe(
      6 * weights + 6 * 2 * 64 * 32,
    );
  });
});
