/** How the extension finds Node, and what it gives it. */
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { Context } from '../../../src/extension/context.ts';
import { configured, reset } from './fake-vscode.ts';

vi.mock('vscode', () => import('./fake-vscode.ts'));

it.skipIf(process.platform === 'win32')(
  'finds a Node that was installed after a failed look-up',
  async () => {
    const dir = mkdtempSync(join(tmpdir(), 'fmn-context-'));
    onTestFinished(() => rmSync(dir, { recursive: true }));
    const command = (configured['nodePath'] = join(dir, 'node'));
    const context = Object.create(Context.prototype) as Context;
    await expect(context.node()).rejects.toMatchObject({ code: 'node-missing' });
    symlinkSync(process.execPath, command);
    const found = context.node();
    expect(await found).toEqual({ command, env: {} });
    expect(context.node()).toBe(found);
  },
);

it("gives the command line the editor's proxy", async () => {
  reset();
  for (const name of Object.keys(process.env)) if (/_proxy$/i.test(name)) vi.stubEnv(name, undefined);
  onTestFinished(() => void vi.unstubAllEnvs());
  configured['proxy'] = 'http://proxy.example:8080';
  const context = Object.create(Context.prototype) as Context;
  const { env } = await context['commandNode']();
  expect(env['HTTPS_PROXY']).toBe('http://proxy.example:8080');
});
