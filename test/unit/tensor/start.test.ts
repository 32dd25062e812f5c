import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startBackend } from '../../../src/tensor/index.ts';
import { english } from '../../../src/text/message.ts';

describe('startBackend without a runtime', () => {
  let home: string;
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'fmn-start-'));
    vi.stubEnv('FORGET_ME_NOT_HOME', home);
    vi.stubEnv('FORGET_ME_NOT_BINDING', '');
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await rm(home, { recursive: true, force: true });
  });

  it('uses WebAssembly and says why', async () => {
    const backend = await startBackend('auto');
    expect(backend.name).toBe('wasm');
    expect(english(backend.reason)).toContain('TensorFlow is not installed.');
  });

  it('says what is missing if TensorFlow is requested', async () => {
    await expect(startBackend('tensorflow')).rejects.toMatchObject({
      code: 'runtime-missing',
      next: expect.stringContaining('{install-runtime}') as string,
    });
  });

  it('uses another backend for a run in progress, and says why', async () => {
    const backend = await startBackend('tensorflow', { orOther: true });
    expect(backend.name).toBe('wasm');
    expect(english(backend.reason)).toContain('the fastest that starts; TensorFlow is not installed.');
  });

  it('uses the one a run was planned for, or the next one', async () => {
    expect((await startBackend('auto', { planned: 'wasm' })).name).toBe('wasm');
    const other = await startBackend('auto', { planned: 'tensorflow' });
    expect(other.name).toBe('wasm');
    expect(english(other.reason)).toContain('TensorFlow is not installed.');
  });

  it('says that a broken runtime does not start', async () => {
    const broken = join(home, 'broken.node');
    await writeFile(broken, 'not a library');
    vi.stubEnv('FORGET_ME_NOT_BINDING', broken);
    await expect(startBackend('tensorflow')).rejects.toMatchObject({ code: 'backend-unavailable' });
    expect((await startBackend('auto')).name).toBe('wasm');
  });
});

it("says that Electron can't use a GPU, instead of crashing", async () => {
  Object.defineProperty(process.versions, 'electron', { value: '39.0.0', configurable: true });
  try {
    await expect(startBackend('webgpu')).rejects.toMatchObject({
      code: 'backend-unavailable',
      message: "VS Code's own Node can't use a GPU.",
      next: expect.stringContaining('Install Node 20') as string,
    });
  } finally {
    Reflect.deleteProperty(process.versions, 'electron');
  }
});
