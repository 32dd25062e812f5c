/** Which of several GPUs is used, and the kind of each, by the names that drivers report. */
import { describe, expect, it } from 'vitest';
import type { Adapter } from '../../../../src/protocol/doctor.ts';
import { chooseDevice as choose } from '../../../../src/tensor/devices/choose-device.ts';
import { kindOf } from '../../../../src/tensor/devices/kind.ts';
import { english } from '../../../../src/text/message.ts';

const GB = 1e9;
const adapter = (name: string, memory?: number, kind = kindOf(name)): Adapter => ({
  name,
  driver: '',
  kind,
  shared: false,
  maxBufferSize: 2 ** 32,
  maxStorageBufferBindingSize: 2 ** 31,
  features: [],
  ...(memory !== undefined && { memory }),
});
const iris = adapter('Intel(R) Iris(R) Xe Graphics (TGL GT2)');
const small = adapter('NVIDIA GeForce RTX 3060', 12 * GB);
const large = adapter('NVIDIA GeForce RTX 4090', 24 * GB);
const software = adapter('llvmpipe (LLVM 15.0.6, 256 bits)');

/** With the reason in English. */
function chooseDevice(...given: Parameters<typeof choose>) {
  const chosen = choose(...given);
  return chosen && { ...chosen, why: english(chosen.why) };
}

describe('chooseDevice', () => {
  it('takes the only one', () => {
    expect(chooseDevice([iris])).toEqual({ adapter: iris, number: 0, why: '' });
    expect(chooseDevice([])).toBeUndefined();
  });

  it('takes the larger of two cards, whatever their order', () => {
    const why = 'the larger memory: 24.00 GB against 12.00 GB';
    expect(chooseDevice([small, large])).toEqual({ adapter: large, number: 1, why });
    expect(chooseDevice([large, small])).toMatchObject({ adapter: large, number: 0, why });
  });

  it('takes a card before an integrated GPU, and software last', () => {
    expect(chooseDevice([software, iris, small])).toMatchObject({ number: 2, why: 'a discrete GPU' });
    // However much main memory an integrated one may use.
    expect(chooseDevice([{ ...iris, memory: 32 * GB }, small])!.number).toBe(1);
    expect(chooseDevice([software, iris])!.number).toBe(1);
  });

  it('takes the requested one: by number, by name, or by a part of it', () => {
    const all = [small, large, software];
    expect(chooseDevice(all, '0')).toEqual({ adapter: small, number: 0, why: 'asked for' });
    expect(chooseDevice(all, 'llvmpipe')!.number).toBe(2);
    expect(chooseDevice(all, 'rtx 4090')!.number).toBe(1);
    expect(chooseDevice(all, '4090')!.number).toBe(1);
    // A full name takes precedence over a part of another one.
    const [plain, xt] = [adapter('AMD Radeon RX 7600'), adapter('AMD Radeon RX 7600 XT')];
    expect(chooseDevice([xt, plain], 'amd radeon rx 7600')!.number).toBe(1);
  });

  it('lists the existing ones if none matches', () => {
    expect(() => chooseDevice([small, large], '2')).toThrow(
      expect.objectContaining({
        code: 'bad-argument',
        message: 'There is no GPU "2" here.',
        next: expect.stringContaining('0 (NVIDIA GeForce RTX 3060), 1 (NVIDIA GeForce RTX 4090)') as string,
      }) as Error,
    );
    expect(() => chooseDevice([], 'Arc')).toThrow('There is no GPU "Arc" here.');
  });
});

// Names as reported by Metal and by Mesa's, NVIDIA's, AMD's and Intel's drivers for Vulkan and Direct3D.
it.each([
  ['NVIDIA GeForce RTX 4090', 'discrete'],
  ['NVIDIA H100 80GB HBM3', 'discrete'],
  ['Tesla T4', 'discrete'],
  ['AMD Radeon RX 7900 XTX (RADV NAVI31)', 'discrete'],
  ['AMD Radeon RX Vega (RADV VEGA10)', 'discrete'],
  ['AMD Radeon Pro W7800', 'discrete'],
  ['Intel(R) Arc(TM) A770 Graphics (DG2)', 'discrete'],
  ['Intel(R) Arc(tm) B580 Graphics (BMG G21)', 'discrete'],
  ['AMD Radeon 780M Graphics (RADV PHOENIX)', 'integrated'],
  ['AMD Radeon(TM) Graphics', 'integrated'],
  ['AMD Radeon Graphics (RADV RENOIR)', 'integrated'],
  ['AMD Radeon 8060S Graphics (RADV GFX1151)', 'integrated'],
  ['Intel(R) UHD Graphics 630 (CFL GT2)', 'integrated'],
  ['Intel(R) Iris(R) Xe Graphics (TGL GT2)', 'integrated'],
  ['Intel(R) Graphics', 'integrated'],
  ['Intel(R) Graphics (RPL-P)', 'integrated'],
  ['Intel(R) Graphics (BMG G21)', 'unknown'],
  ['AMD Custom GPU 0405 (RADV VANGOGH)', 'integrated'],
  ['Intel(R) Arc(TM) Graphics', 'integrated'],
  ['Intel(R) Arc(TM) 140V GPU (16GB)', 'integrated'],
  ['Apple M3 Max', 'integrated'],
  ['Adreno (TM) 740', 'integrated'],
  ['llvmpipe (LLVM 15.0.6, 256 bits)', 'software'],
  ['Microsoft Basic Render Driver', 'software'],
  ['SwiftShader Device (Subzero)', 'software'],
  ['Some GPU of the future', 'unknown'],
] as const)('%s is %s', (name, kind) => expect(kindOf(name)).toBe(kind));
