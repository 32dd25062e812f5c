import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { examine } from '../../../src/base-models/checksums.ts';
import { importAdapter } from '../../../src/export/import-adapter.ts';
import { exportAdapterGguf, readAdapterGguf, type AdapterLayer } from '../../../src/weights/index.ts';
import { openGguf } from '../../../src/gguf/index.ts';
import { effectiveStatus, readRun } from '../../../src/runs/index.ts';
import { writeTinyAdapter, writeTinyModel } from '../../support/tiny-model.ts';

let dir: string;
let base: { id: string; path: string; sha256: string };
let layers: AdapterLayer[];
const at = (name: string) => join(dir, name);
const home = process.env['FORGET_ME_NOT_HOME'];

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fmn-import-'));
  process.env['FORGET_ME_NOT_HOME'] = at('home');
  await writeTinyModel(at('base.gguf'), { seed: 1 });
  const { path, sha256 } = await examine(at('base.gguf'));
  base = { id: 'tiny', path, sha256 };
});
beforeEach(async () => {
  layers = await writeTinyAdapter(at('adapter.gguf'), at('base.gguf'), { rank: 3, alpha: 6 });
});
afterAll(async () => {
  if (home === undefined) delete process.env['FORGET_ME_NOT_HOME'];
  else process.env['FORGET_ME_NOT_HOME'] = home;
  await rm(dir, { recursive: true, force: true });
});

const importing = (name = 'adapter.gguf') => importAdapter({ path: at(name), base, versions: {} });

describe('a GGUF adapter', () => {
  it('becomes a finished run with its known settings', async () => {
    const { dir: runDir, id } = await importing();
    expect(id).toMatch(/^\d{8}-\d{6}-lora-tiny-/);
    const { spec, state, events } = await readRun(runDir);
    expect(effectiveStatus({ spec, state })).toBe('done');
    expect(spec).toMatchObject({
      name: 'adapter',
      folder: '',
      base,
      hyper: {
        method: 'lora',
        rank: 3,
        alpha: 6,
        scaling: 'standard',
        targets: ['q', 'k', 'v', 'o', 'gate', 'up', 'down'],
      },
      imported: { from: at('adapter.gguf'), format: 'gguf' },
    });
    expect(events).toMatchObject([{ type: 'done', artefact: 'adapter.gguf' }]);
    const adapter = await readAdapterGguf(join(runDir, 'adapter.gguf'));
    expect(adapter).toMatchObject({ alpha: 6, baseSha256: base.sha256 });
    expect(adapter.layers).toEqual(layers);
  });

  it('on some of the linear layers names them', async () => {
    await writeTinyAdapter(at('some.gguf'), at('base.gguf'), { targets: ['attn_q', 'ffn_up'] });
    const { layers: all } = await readAdapterGguf(at('some.gguf'));
    await exportAdapterGguf(at('some.gguf'), { architecture: 'llama', alpha: 8, layers: all.slice(0, 3) });
    const { spec } = await importing('some.gguf');
    expect(spec.hyper.targets).toEqual(['q', 'blk.0.ffn_up']);
  });

  it("with an alpha of zero keeps llama.cpp's scale, whatever the ranks", async () => {
    const narrow = {
      ...layers[0]!,
      rank: 1,
      a: layers[0]!.a.slice(0, 64),
      b: new Float32Array(64).fill(0.5),
    };
    await exportAdapterGguf(at('zero.gguf'), {
      architecture: 'llama',
      alpha: 0,
      layers: [narrow, layers[1]!],
    });
    const { dir: runDir, spec } = await importing('zero.gguf');
    expect(spec.hyper).toMatchObject({ rank: 3, alpha: 3 });
    const [first, second] = (await readAdapterGguf(join(runDir, 'adapter.gguf'))).layers;
    // alpha / rank is 3 for the first and 1 for the second.
    expect(first!.b[0]! * 3).toBeCloseTo(0.5, 6);
    expect(second!.b).toEqual(layers[1]!.b);
  });
});

describe('an import is rejected, and leaves no run', () => {
  const bad = async (change: object) => {
    await exportAdapterGguf(at('bad.gguf'), { architecture: 'llama', alpha: 6, layers, ...change });
    const before = await readdir(at('home/runs'));
    const error: unknown = await importing('bad.gguf').catch((thrown: unknown) => thrown);
    expect(await readdir(at('home/runs'))).toEqual(before);
    return error;
  };

  it('for an adapter of another base, and names both', async () => {
    const error = await bad({ baseSha256: 'cd'.repeat(32) });
    expect(error).toMatchObject({ code: 'adapter-mismatch' });
    expect((error as Error).message).toContain('sha256 cdcdcdcdcdcd');
    expect((error as Error).message).toContain(base.sha256.slice(0, 12));
  });

  it('for an adapter of another architecture', async () =>
    expect(await bad({ architecture: 'qwen2' })).toMatchObject({ code: 'adapter-mismatch' }));

  it('for a changed embedding', async () => {
    const gguf = await openGguf(base.path);
    await gguf.close();
    const [out, width] = gguf.tensors.get('token_embd.weight')!.shape as [number, number];
    const [a, b] = [new Float32Array(width), new Float32Array(out)];
    const error = await bad({ layers: [{ name: 'token_embd', rank: 1, in: width, out, a, b }] });
    expect(error).toMatchObject({ code: 'adapter-unsupported' });
    expect((error as Error).message).toContain('token_embd');
  });

  it('for values that are not numbers', async () => {
    const [first] = layers as [AdapterLayer];
    const error = await bad({ layers: [{ ...first, b: first.b.map(() => NaN) }] });
    expect(error).toMatchObject({ code: 'adapter-damaged' });
  });

  it('for values that no model could have, alone or together', async () => {
    const [{ a, b, ...first }] = layers as [AdapterLayer];
    const filled = (a0: number, b0: number) => ({
      layers: [{ ...first, a: a.map(() => a0), b: b.map(() => b0) }],
    });
    for (const change of [
      filled(3e38, 0),
      filled(0, -3e38),
      filled(300, 300),
      { ...filled(1, 1), alpha: 1e38 },
    ])
      expect(await bad(change)).toMatchObject({
        code: 'adapter-damaged',
        message: expect.stringMatching(/has values of "blk.*" that are too large for any model/) as string,
      });
  });

  it('for an alpha that no run can have', async () =>
    expect(await bad({ alpha: -6 })).toMatchObject({ code: 'adapter-damaged' }));

  it('for a missing file', async () =>
    expect(importing('nothing.gguf')).rejects.toMatchObject({ code: 'adapter-damaged' }));
});
