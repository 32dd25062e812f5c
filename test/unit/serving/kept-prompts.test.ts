import { describe, expect, it, vi } from 'vitest';
import { availableMemory } from '../../../src/platform/machine/available-memory.ts';
import { affordablePrompts, keptPrompts, reusableTokens } from '../../../src/serving/host/kept-prompts.ts';
import { Slots } from '../../../src/serving/host/slots.ts';

vi.mock('../../../src/platform/machine/available-memory.ts', () => ({ availableMemory: vi.fn() }));

describe('the prompts that are kept', () => {
  it.each([
    ['the requested number, if there is room', { requested: 2, perPrompt: 25e6, free: 8e9 }, 2],
    ['fewer, if memory is short', { requested: 2, perPrompt: 100e6, free: 4e9 }, 1],
    ['none, if there is hardly any memory', { requested: 2, perPrompt: 100e6, free: 1e9 }, 0],
    ['fewer, if contexts have a low limit', { requested: 2, perPrompt: 100e6, free: 64e9, limit: 8e8 }, 1],
    ['none, if none are requested', { requested: 0, perPrompt: 1, free: 8e9 }, 0],
  ])('%s', (_, options, count) => {
    expect(affordablePrompts(options)).toBe(count);
  });

  it.each([
    [8e9, 2],
    [5e8, 0],
  ])(
    'fit into a share of the memory that can be had (%d bytes), not only of the unused',
    async (bytes, count) => {
      vi.mocked(availableMemory).mockResolvedValue(bytes);
      const estimateContextResourceRequirementsV2 = ({ sequences }: { sequences: number }) =>
        Promise.resolve({ cpuRam: 3e8 + sequences * 25e6, gpuVram: 0 });
      const model = { fileInsights: { estimateContextResourceRequirementsV2 } } as never;
      expect(await keptPrompts(model, { requested: 2, contextSize: 2048 })).toBe(count);
    },
  );

  it('are each replaced by the next prompt of the same file, in any order', async () => {
    const file = (seed: number, length: number) => Array.from({ length }, (_unused, at) => seed * 1000 + at);
    const held = [file(1, 0), file(2, 0), file(3, 0)].map((tokens) => ({ tokens }));
    const slots = new Slots(held);
    const ask = async (tokens: number[]) => {
      const slot = await slots.acquire((free) => reusableTokens(free.tokens, tokens));
      const cold = tokens.length - reusableTokens(slot.tokens, tokens);
      slot.tokens = tokens;
      slots.release(slot);
      return cold;
    };
    for (const seed of [1, 2, 3]) expect(await ask(file(seed, 100))).toBe(100);
    for (const seed of [2, 2, 1, 3, 2, 1]) expect(await ask(file(seed, 100))).toBe(0);
    expect(await ask(file(1, 110))).toBe(10);
    // A fourth file replaces the one that was left first, although all begin with the same three tokens.
    expect(await ask(file(4, 100))).toBe(100);
    expect(await ask(file(2, 100))).toBe(0);
    expect(await ask(file(3, 100))).toBe(100);
  });

  it("are replaced by another file's even if both begin alike", () => {
    expect(reusableTokens([1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 2, 30, 40, 50, 60, 70, 80, 90])).toBe(0);
    expect(reusableTokens([1, 2, 3, 4, 5], [1, 2, 3, 9, 9])).toBe(3);
  });
});
