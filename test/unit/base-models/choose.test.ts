import { describe, expect, it } from 'vitest';
import { chooseBase, findKnownBase, knownBases, type Hardware } from '../../../src/base-models/index.ts';
import { guessTokensPerSecond } from '../../../src/training/speed-guess.ts';
import { budgetInSteps } from '../../../src/cli/options/train-options.ts';
import { minGpuMemory, minMemory, runMemory } from '../../../src/training/memory/defaults.ts';
import { english } from '../../../src/text/message.ts';

const GB = 1e9;
const MiB = 2 ** 20;

const gpuOf = (memoryBytes: number) => ({
  memoryBytes,
  gpu: true,
  needs: (base: Parameters<Hardware['needs']>[0]) =>
    minGpuMemory(base, 'lora', { backend: 'tensorflow', precision: 'f32' }),
  // On a GPU, speed is not measured.
  tokensPerSecond: () => NaN,
});

interface Machine {
  processors: number;
  memory: number;
  precision?: 'f32' | 'bf16';
  backend?: 'tensorflow' | 'wasm';
}

const processorOf = ({ processors, memory, precision = 'f32', backend = 'tensorflow' }: Machine) => ({
  memoryBytes: memory,
  gpu: false,
  needs: (base: Parameters<Hardware['needs']>[0]) => runMemory(base, 'lora', { backend, precision }),
  tokensPerSecond: ({ parameters }: { parameters: number }) =>
    guessTokensPerSecond(parameters, { method: 'lora', backend, precision }, processors),
});

describe('the base for a GPU', () => {
  it.each([
    ['2 GB', 2048 * MiB, 'smollm2-135m'],
    ['4 GB', 4096 * MiB, 'qwen2.5-coder-0.5b'],
    ['6 GB', 6144 * MiB, 'qwen2.5-coder-0.5b'],
    // The memory nvidia-smi reports for a card sold as 8 GB: the driver reserves some.
    ['8 GB', 7680 * MiB, 'qwen2.5-coder-1.5b'],
    ['16 GB', 16_384 * MiB, 'qwen2.5-coder-1.5b'],
    ['80 GB', 81_559 * MiB, 'qwen2.5-coder-1.5b'],
  ])('of %s', (_, memory, id) => expect(chooseBase(gpuOf(memory)).id).toBe(id));

  it('is a known one, allows commercial use, and fits the stated memory', () => {
    for (let memory = GB; memory < 100 * GB; memory += GB) {
      const base = findKnownBase(chooseBase(gpuOf(memory)).id)!;
      expect(base.licence).toBe('Apache-2.0');
      if (memory >= 2 * GB) expect(gpuOf(memory).needs(base)).toBeLessThan(memory);
    }
  });
});

describe('the base for a processor', () => {
  it.each([
    ['2 cores without bf16 and 16 GB', { processors: 2, memory: 16.4 * GB }, 'qwen2.5-coder-0.5b'],
    [
      '2 cores with bf16 and 16 GB',
      { processors: 2, memory: 16.4 * GB, precision: 'bf16' },
      'qwen2.5-coder-0.5b',
    ],
    [
      '2 cores with bf16 and 512 GB',
      { processors: 2, memory: 512 * GB, precision: 'bf16' },
      'qwen2.5-coder-0.5b',
    ],
    ['one core', { processors: 1, memory: 16.4 * GB }, 'smollm2-135m'],
    ['8 GB', { processors: 8, memory: 8.2 * GB }, 'smollm2-135m'],
    [
      '8 cores with bf16 and 32 GB',
      { processors: 8, memory: 33 * GB, precision: 'bf16' },
      'qwen2.5-coder-1.5b',
    ],
    [
      '8 cores with bf16 and 16 GB',
      { processors: 8, memory: 16.4 * GB, precision: 'bf16' },
      'qwen2.5-coder-1.5b',
    ],
    [
      '8 cores with bf16 and 12 GB',
      { processors: 8, memory: 12.3 * GB, precision: 'bf16' },
      'qwen2.5-coder-1.5b',
    ],
    [
      '8 cores with bf16 and 8 GB',
      { processors: 8, memory: 8.2 * GB, precision: 'bf16' },
      'qwen2.5-coder-0.5b',
    ],
    ['8 cores without bf16', { processors: 8, memory: 64 * GB }, 'qwen2.5-coder-0.5b'],
    ['32 cores without bf16', { processors: 32, memory: 64 * GB }, 'qwen2.5-coder-1.5b'],
    ['8 cores, but the wasm backend', { processors: 8, memory: 64 * GB, backend: 'wasm' }, 'smollm2-135m'],
  ] as const)('%s', (_, machine, id) => expect(chooseBase(processorOf(machine)).id).toBe(id));

  it('uses a measured speed', () => {
    const machine = processorOf({ processors: 2, memory: 33 * GB, precision: 'bf16' });
    const measured = (speed: number) => chooseBase({ ...machine, tokensPerSecond: () => speed }).id;
    expect([39, 41, 99, 101].map(measured)).toEqual([
      'smollm2-135m',
      'qwen2.5-coder-0.5b',
      'qwen2.5-coder-0.5b',
      'qwen2.5-coder-1.5b',
    ]);
  });
});

describe('estimating the speed', () => {
  const guess = (id: string, precision: 'f32' | 'bf16' = 'bf16') =>
    guessTokensPerSecond(
      findKnownBase(id)!.parameters,
      { method: 'lora', backend: 'tensorflow', precision },
      2,
    );
  it.each([
    // Measured on 2 cores: the lowest and the highest of several runs.
    ['smollm2-135m', 290, 330],
    ['qwen2.5-coder-0.5b', 110, 140],
    ['qwen2.5-coder-1.5b', 45, 55],
  ])('of %s is near the measured speed', (id, least, most) => {
    expect(guess(id)).toBeGreaterThan(least);
    expect(guess(id)).toBeLessThan(most);
  });

  it('of a GPU follows from how fast it multiplies, whatever the processors', () => {
    const on = (processors: number, productRate?: number) =>
      guessTokensPerSecond(
        7e9,
        { method: 'lora', backend: 'webgpu', precision: 'f32', productRate },
        processors,
      );
    // .55 of 10e12 operations a second, by 4.3 for each parameter and token.
    expect(on(8, 10e12)).toBeCloseTo(182.7, 1);
    expect(on(2, 10e12)).toBe(on(8, 10e12));
    // A run of ten minutes is then planned with hundreds of steps instead of a few.
    const known = { trainTokens: 1e6, tokensPerSecond: on(8, 10e12) };
    const steps = budgetInSteps({ minutes: 10, seq: 512, batch: 1, accumulate: 1 }, known);
    expect(steps).toBe(214);
    expect(on(8)).toBeLessThan(20);
  });
});

describe('without a network', () => {
  const two = processorOf({ processors: 8, memory: 64 * GB, precision: 'bf16' });
  it('is the best of those on disk', () => {
    expect(chooseBase({ ...two, only: ['smollm2-135m', 'qwen2.5-coder-0.5b'] })!.id).toBe(
      'qwen2.5-coder-0.5b',
    );
    expect(chooseBase({ ...two, only: ['smollm2-135m', 'codellama-7b'] })!.id).toBe('smollm2-135m');
    expect(chooseBase({ ...two, only: ['codellama-7b'] })).toBeUndefined();
    // A base that is on disk but does not fit is not chosen.
    expect(chooseBase({ ...gpuOf(5 * GB), only: ['qwen2.5-coder-1.5b', 'smollm2-135m'] })!.id).toBe(
      'smollm2-135m',
    );
  });
  it('does not need the hub: the choice is on PyPI as well', () => {
    const choices = new Set(
      [1, 2, 4, 16, 64].flatMap((processors) =>
        [4, 16, 64].map((gigabytes) => chooseBase(processorOf({ processors, memory: gigabytes * GB })).id),
      ),
    );
    expect(choices.size).toBe(3);
    for (const { id, sources } of knownBases)
      if (choices.has(id)) expect(sources.map(({ kind }) => kind)).toContain('pypi');
  });
});

it.each([
  ['a GPU', gpuOf(16 * GB), /^it is the best that trains well on a GPU with 16\.00 GB of memory$/],
  ['a small GPU', gpuOf(2 * GB), /^the GPU has 2\.00 GB of memory, too little for a code model$/],
  [
    'a processor',
    processorOf({ processors: 2, memory: 16.4 * GB }),
    /^it is the best code model that trains well on this processor, at about 52 tokens\/s$/,
  ],
  [
    'a slow one',
    processorOf({ processors: 1, memory: 16.4 * GB }),
    /^a code model would train at about 30 tokens\/s here, and below 40 a run of minutes learns too little$/,
  ],
  [
    'little memory',
    processorOf({ processors: 4, memory: 8 * GB }),
    /^a code model would take \d+\.\d\d GB of the 8\.00 GB of memory here, which leaves too little for everything else$/,
  ],
])('%s: says why', (_, hardware, why) => expect(english(chooseBase(hardware).why)).toMatch(why));

it.each(['tensorflow', 'wasm'] as const)(
  'with 4 GB of memory, half of it in use, the chosen base can be trained with %s',
  (backend) => {
    const { id } = chooseBase(processorOf({ processors: 2, memory: 4 * GB, backend }));
    const needed = minMemory(findKnownBase(id)!, 'lora', { backend, precision: 'f32' });
    expect(needed).toBeLessThan(2 * GB);
  },
);
