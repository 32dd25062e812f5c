import { describe, expect, it } from 'vitest';
import {
  chooseBase as choose,
  findKnownBase,
  needsHub,
  type Hardware,
} from '../../../src/base-models/index.ts';
import { leastGpuMemory } from '../../../src/training/run-memory.ts';

const GB = 1e9;
const MiB = 2 ** 20;
const needs: Hardware['needs'] = (base) => leastGpuMemory(base, { backend: 'tensorflow', precision: 'f32' });
const chooseBase = (hardware: Omit<Hardware, 'needs'>) => choose({ ...hardware, needs });
const chosen = (hardware: Omit<Hardware, 'needs'>) => chooseBase(hardware).id;

describe('the base for a machine', () => {
  it.each([
    ['2 cores and 8 GB', { memoryBytes: 8 * GB, gpu: false }, 'smollm2-135m'],
    ['many cores and 512 GB: still a processor', { memoryBytes: 512 * GB, gpu: false }, 'smollm2-135m'],
    ['a GPU of 2 GB', { memoryBytes: 2048 * MiB, gpu: true }, 'smollm2-135m'],
    ['a GPU of 4 GB', { memoryBytes: 4096 * MiB, gpu: true }, 'qwen2.5-coder-0.5b'],
    ['a GPU of 6 GB', { memoryBytes: 6144 * MiB, gpu: true }, 'qwen2.5-coder-0.5b'],
    // As nvidia-smi gives it for one sold as 8 GB, its own share taken off.
    ['a GPU of 8 GB', { memoryBytes: 7680 * MiB, gpu: true }, 'qwen2.5-coder-1.5b'],
    ['a GPU of 16 GB', { memoryBytes: 16_384 * MiB, gpu: true }, 'qwen2.5-coder-1.5b'],
    ['a GPU of 80 GB', { memoryBytes: 81_559 * MiB, gpu: true }, 'qwen2.5-coder-1.5b'],
  ])('%s', (_, hardware, id) => expect(chosen(hardware)).toBe(id));

  it('without the hub is one that is here, else the one from PyPI', () => {
    const large = { memoryBytes: 24 * GB, gpu: true, hasHub: false };
    expect(chosen(large)).toBe('smollm2-135m');
    expect(chosen({ ...large, present: ['qwen2.5-coder-0.5b'] })).toBe('qwen2.5-coder-0.5b');
    expect(chosen({ ...large, present: ['qwen2.5-coder-0.5b', 'qwen2.5-coder-1.5b'] })).toBe(
      'qwen2.5-coder-1.5b',
    );
    // What is here but does not fit is not chosen.
    const small = { ...large, memoryBytes: 5 * GB };
    expect(chosen({ ...small, present: ['qwen2.5-coder-1.5b', 'codellama-7b'] })).toBe('smollm2-135m');
  });

  it('asks the hub only where the choice hangs on it', () => {
    const best = chooseBase({ memoryBytes: 24 * GB, gpu: true });
    // It can come from PyPI as well.
    expect(needsHub(best, [])).toBe(false);
    const hubOnly = { id: 'qwen2.5-coder-7b', why: '' };
    expect(needsHub(hubOnly, [])).toBe(true);
    expect(needsHub(hubOnly, [hubOnly.id])).toBe(false);
    expect(needsHub(chooseBase({ memoryBytes: 24 * GB, gpu: false }), [])).toBe(false);
  });

  it('is known, may be used commercially, and fits by what is said of its memory', () => {
    for (let memoryBytes = GB; memoryBytes < 100 * GB; memoryBytes += GB) {
      const base = findKnownBase(chosen({ memoryBytes, gpu: true }))!;
      expect(base.licence).toBe('Apache-2.0');
      if (memoryBytes >= 2 * GB) expect(needs(base)).toBeLessThan(memoryBytes);
    }
  });

  it('says why', () => {
    expect(chooseBase({ memoryBytes: 8 * GB, gpu: false }).why).toContain('processor');
    expect(chooseBase({ memoryBytes: 16 * GB, gpu: true }).why).toContain('16.00 GB');
    const without = chooseBase({ memoryBytes: 16 * GB, gpu: true, hasHub: false });
    expect(without.why).toContain("the hub can't be reached for qwen2.5-coder-1.5b");
  });
});
