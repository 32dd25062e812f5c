import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { findNode } from '../../../src/protocol/node.ts';

afterEach(() => vi.unstubAllEnvs());

describe('the Node for children', () => {
  it('is the one that runs us', async () =>
    expect(await findNode()).toEqual({ command: process.execPath, env: {} }));
  it('is the one asked for', async () =>
    expect(await findNode(process.execPath)).toEqual({ command: process.execPath, env: {} }));
  it('is refused when it is none', async () => {
    await expect(findNode('/no/such/node')).rejects.toMatchObject({ code: 'node-missing' });
  });
  it.skipIf(process.platform === 'win32')('is refused when it is too old', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'fmn-node-'));
    const old = join(dir, 'node');
    await writeFile(old, '#!/bin/sh\necho v18.19.0\n');
    await chmod(old, 0o755);
    await expect(findNode(old)).rejects.toMatchObject({
      code: 'node-missing',
      message: expect.stringContaining('18'),
    });
    await rm(dir, { recursive: true });
  });
});
