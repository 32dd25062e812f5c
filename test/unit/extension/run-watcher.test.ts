/** Runs that are followed in the editor. */
import { rmSync } from 'node:fs';
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
