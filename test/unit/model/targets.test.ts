import { describe, expect, it } from 'vitest';
import {
  adapterAlpha,
  checkRank,
  chooseTargets,
  linearNames,
  loadModel,
  readConfig,
  type ModelOptions,
} from '../../../src/model/index.ts';
import { moduleNames } from '../../../src/protocol/run.ts';
import { startBackend } from '../../../src/tensor/index.ts';
import { tinyWeights } from '../../support/tiny-weights.ts';

const choose = (...targets: string[]) => [...chooseTargets({ layers: 2 }, targets)];
const both = (...tensors: string[]) => [0, 1].flatMap((n) => tensors.map((name) => `blk.${n}.${name}`));

describe('chooseTargets', () => {
  it.each([
    [['q'], both('attn_q')],
    [['q_proj'], both('attn_q')],
    [['attn_output'], both('attn_output')],
    [
      ['o_proj', 'blk.1.ffn_up'],
      [...both('attn_output'), 'blk.1.ffn_up'],
    ],
    [['blk.0.attn_q.weight'], ['blk.0.attn_q']],
    [['blk.*.ffn_*'], both('ffn_gate', 'ffn_up', 'ffn_down')],
    [['blk.1.*'], linearNames({ layers: 2 }).slice(7)],
    [['mlp'], both('ffn_gate', 'ffn_up', 'ffn_down')],
    [[' attention'], both('attn_q', 'attn_k', 'attn_v', 'attn_output')],
    [['q', 'attn_q'], both('attn_q')],
    [[...moduleNames], linearNames({ layers: 2 })],
    [['all'], linearNames({ layers: 2 })],
  ])('%j', (targets, names) => {
    expect(choose(...targets).sort()).toEqual([...names].sort());
  });

  it.each(['foo', 'blk.2.attn_q', 'blk.*.ffn', 'attn', 'blk.0.attn_.', 'toString', '', 'token_embd'])(
    'rejects "%s", which matches nothing, and lists the possible names',
    (target) => {
      expect(() => choose('q', target)).toThrow(
        expect.objectContaining({
          code: 'bad-argument',
          message: expect.stringContaining(`"${target}"`) as string,
          next: expect.stringMatching(/q, k, v, o, gate, up, down.*blocks are 0 to 1/) as string,
        }),
      );
    },
  );
});

it("accepts PEFT's names of Granite 4.0's linear layers, one of which is gate and up", () => {
  const granite = (target: string) => [...chooseTargets({ layers: 2, architecture: 'granite' }, [target])];
  expect(granite('input_linear').sort()).toEqual(both('ffn_gate', 'ffn_up').sort());
  expect(granite('output_linear')).toEqual(both('ffn_down'));
  expect(granite('gate_proj')).toEqual(both('ffn_gate'));
});

describe('in a base without a gate', () => {
  const gateless = (...targets: string[]) => [
    ...chooseTargets({ layers: 2, architecture: 'starcoder2' }, targets),
  ];

  it('all and mlp stand for the existing ones', () => {
    expect(gateless('all')).toHaveLength(12);
    expect(gateless('mlp').sort()).toEqual(both('ffn_up', 'ffn_down').sort());
    // The default, and what the command line turns "mlp" into.
    expect(gateless(...moduleNames).sort()).toEqual(gateless('all').sort());
    expect(gateless('gate', 'up', 'down').sort()).toEqual(gateless('mlp').sort());
  });

  it("accepts PEFT's names of StarCoder2's linear layers", () => {
    expect(gateless('c_fc')).toEqual(both('ffn_up'));
    expect(gateless('q_proj', 'c_proj').sort()).toEqual(both('attn_q', 'ffn_down').sort());
    expect(() => choose('c_proj')).toThrow(expect.objectContaining({ code: 'bad-argument' }));
  });

  it('rejects the gate on its own, and a mistake among others', () => {
    for (const targets of [['gate'], ['up', 'gat']])
      expect(() => gateless(...targets)).toThrow(
        expect.objectContaining({
          message: expect.stringContaining(`"${targets.at(-1)}"`) as string,
          next: expect.stringContaining('q, k, v, o, up, down ') as string,
        }),
      );
  });
});

const options: ModelOptions = {
  method: 'lora',
  rank: 16,
  alpha: 32,
  dropout: 0,
  targets: moduleNames,
  seed: 1,
  precision: 'f32',
};

describe('rank', () => {
  // attn_k is 16 x 32.
  it('may be at most the smaller side of a matrix', async () => {
    const backend = await startBackend('wasm');
    (await loadModel(backend, tinyWeights(), options)).dispose();
    await expect(loadModel(backend, tinyWeights(), { ...options, rank: 17 })).rejects.toMatchObject({
      code: 'bad-argument',
      message: expect.stringContaining('"blk.0.attn_k", which is 16 x 32') as string,
      next: expect.stringContaining('--rank 16') as string,
    });
  });

  it('is limited only by the targets', () => {
    const config = readConfig(tinyWeights());
    expect(() => checkRank(config, ['blk.0.attn_q', 'blk.1.ffn_down'], 32)).not.toThrow();
    expect(() => checkRank(config, ['blk.0.attn_q', 'blk.1.ffn_down'], 33)).toThrow('blk.0.attn_q');
  });
});

describe('adapterAlpha', () => {
  it('makes alpha / rank the trained scale, whatever the scaling rule', () => {
    expect(adapterAlpha({ alpha: 32, rank: 48 })).toBe(32);
    expect(adapterAlpha({ alpha: 32, rank: 64, scaling: 'rank-stabilised' }) / 64).toBe(32 / 8);
  });
});
