import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { findNode } from '../../../src/platform/processes/node.ts';

afterEach(() => vi.unstubAllEnvs());

describe('the Node for child processes', () => {
  it('is the one that runs us', async () =>
    expect(await findNode()).toEqual({ command: process.execPath, env: {} }));
  it('is the configured one', async () =>
    expect(await findNode(process.execPath)).toEqual({ command: process.execPath, env: {} }));
  it('is rejected if it is not Node', async () => {
    await expect(findNode('/no/such/node')).rejects.toMatchObject({ code: 'node-missing' });
  });
  it.skipIf(process.platform === 'win32')(
    'is rejected if it is too old or for another processor',
    async () => {
      const dir = await mkdtemp(join(tmpdir(), 'fmn-node-'));
      const old = join(dir, 'node');
      for (const [facts, why] of [
        [`18.19.0 ${process.arch}`, /is Node 18, which is too old/],
        ['22.1.0 mips', /is Node for mips/],
      ] as const) {
        await writeFile(old, `#!/bin/sh\necho ${facts}\n`);
        await chmod(old, 0o755);
        await expect(findNode(old)).rejects.toMatchObject({
          code: 'node-missing',
          message: expect.stringMatching(why),
        });
      }
      await rm(dir, { recursive: true });
    },
  );
});

describe.skipIf(process.platform === 'win32')('in an editor, which is Electron', () => {
  let bin: string;
  beforeEach(async () => {
    bin = await mkdtemp(join(tmpdir(), 'fmn-node-'));
    vi.stubEnv('PATH', bin);
    Object.defineProperty(process.versions, 'electron', { value: '37.0.0', configurable: true });
  });
  afterEach(async () => {
    delete (process.versions as Record<string, string>)['electron'];
    await rm(bin, { recursive: true });
  });
  const onPath = async (version: string, processor: string = process.arch) => {
    await writeFile(join(bin, 'node'), `#!/bin/sh\necho ${version} ${processor}\n`);
    await chmod(join(bin, 'node'), 0o755);
  };
  const itsOwn = {
    command: process.execPath,
    env: { ELECTRON_RUN_AS_NODE: '1', ELECTRON_NO_ASAR: '1' },
  };

  it('is the one on the PATH', async () => {
    await onPath('22.1.0');
    expect(await findNode()).toEqual({ command: 'node', env: {} });
  });
  it("is the editor's own if there is none", async () => expect(await findNode()).toEqual(itsOwn));
  it("is the editor's own if that is too old", async () => {
    await onPath('18.19.0');
    expect(await findNode()).toEqual(itsOwn);
  });
  it("is the editor's own if that is for another processor", async () => {
    await onPath('22.1.0', 'mips');
    expect(await findNode()).toEqual(itsOwn);
  });
});
