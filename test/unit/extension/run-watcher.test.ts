/** Runs that are followed in the editor. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import type { Log } from '../../../src/extension/log.ts';
import { RunWatcher } from '../../../src/extension/runs/run-watcher.ts';
import { createRun } from '../../../src/runs/index.ts';
import { newRun, useTemporaryHome } from '../runs/help.ts';

vi.mock('vscode', async () => {
  const fake = await import('./fake-vscode.ts');
  class EventEmitter<T> {
    private readonly listeners: ((value: T) => void)[] = [];
    event = (listener: (value: T) => void) => {
      this.listeners.push(listener);
      return { dispose: () => undefined };
    };
    fire(value: T): void {
      for (const listener of this.listeners) listener(value);
    }
    dispose(): void {}
  }
  const window = { ...fake.window, onDidChangeWindowState: () => ({ dispose: () => undefined }) };
  return { ...fake, window, EventEmitter };
});

useTemporaryHome();

it('a run that disappears, for example because sending it was declined, is dropped silently', async () => {
  const { dir, id } = await createRun(newRun());
  const said: unknown[] = [];
  const log = { showError: (error: unknown) => said.push(error), warn: (text: string) => said.push(text) };
  const watcher = new RunWatcher(log as unknown as Log);
  const left = new Promise<string>((resolve) => watcher.onDidLeave(resolve));
  await watcher.refresh();
  expect(watcher.live.map(({ spec }) => spec.id)).toEqual([id]);
  rmSync(dir, { recursive: true });
  expect(await left).toBe(id);
  expect(said).toEqual([]);
  watcher.dispose();
});

it('a run that can not be read is not missing', async () => {
  const { dir, id } = await createRun(newRun());
  writeFileSync(join(dir, 'run.json'), '{');
  const watcher = new RunWatcher({ warn: () => undefined } as unknown as Log);
  expect(watcher.isMissing(id)).toBe(false);
  await watcher.refresh();
  expect([watcher.get(id), watcher.isMissing(id)]).toEqual([undefined, false]);
  rmSync(dir, { recursive: true });
  await watcher.refresh();
  expect(watcher.isMissing(id)).toBe(true);
  watcher.dispose();
});
