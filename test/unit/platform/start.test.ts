import { chmodSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, expect, it, vi } from 'vitest';
import { endOf, tailOf, outputOf, startNode, startProcess } from '../../../src/platform/processes/start.ts';

const dir = mkdtempSync(join(tmpdir(), 'fmn-start-'));
const script = join(dir, 'child.mjs');
writeFileSync(script, `console.log(JSON.stringify(process.env)); console.error('x'.repeat(50) + 'end');`);
afterAll(() => rmSync(dir, { recursive: true }));
afterEach(() => vi.unstubAllEnvs());

const environmentOf = async (options: Parameters<typeof startNode>[2]) => {
  const child = startNode(script, [], { ...options, stdio: ['ignore', 'pipe', 'ignore'] });
  return JSON.parse(await text(child.stdout!)) as Record<string, string>;
};

it("passes on our environment, but not the completion server's token", async () => {
  vi.stubEnv('FORGET_ME_NOT_TOKEN', 'secret');
  vi.stubEnv('FMN_OURS', 'ours');
  const ours = await environmentOf({ env: { FMN_ADDED: 'added' } });
  expect(ours).toMatchObject({ FMN_OURS: 'ours', FMN_ADDED: 'added' });
  expect(ours).not.toHaveProperty('FORGET_ME_NOT_TOKEN');
  expect(await environmentOf({ env: { FORGET_ME_NOT_TOKEN: 'given' } })).toMatchObject({
    FORGET_ME_NOT_TOKEN: 'given',
  });
  const only = await environmentOf({ onlyEnv: { FMN_ADDED: 'added' } });
  expect(only).toMatchObject({ FMN_ADDED: 'added' });
  expect(only).not.toHaveProperty('FMN_OURS');
});

it('says how a process ended, and what it printed last', async () => {
  const child = startNode(script, [], { stdio: ['ignore', 'ignore', 'pipe'] });
  const last = tailOf(child.stderr!, 5);
  expect(await endOf(child)).toEqual({ how: 0 });
  expect(last()).toBe('xend\n');
  const missing = startProcess(join(dir, 'none'), []);
  expect(await endOf(missing)).toMatchObject({ error: { code: 'ENOENT' } });
});

it.skipIf(process.platform === 'win32')('asks another program outside the working directory', async () => {
  const program = join(dir, 'where');
  writeFileSync(program, '#!/bin/sh\npwd -P\n');
  chmodSync(program, 0o755);
  expect((await outputOf(program, [])).stdout.trim()).toBe(realpathSync(dirname(process.execPath)));
});

it('says how a program failed, and ends one that takes too long', async () => {
  const failing = outputOf(process.execPath, ['-e', 'console.log("begun"); process.exitCode = 3;']);
  await expect(failing).rejects.toMatchObject({ code: 3, killed: false, stdout: 'begun\n' });
  const late = outputOf(process.execPath, ['-e', 'setInterval(() => undefined, 1000);'], {
    timeout: 100,
    killSignal: 'SIGKILL',
  });
  await expect(late).rejects.toMatchObject({ killed: true, signal: 'SIGKILL' });
});
