import type * as vscode from 'vscode';
import { expect, test } from 'vitest';
import { Store } from '../../../src/extension/store.ts';

/** VS Code's memento stores JSON. */
class Memento {
  private readonly kept = new Map<string, string>();
  get(key: string, fallback?: unknown): unknown {
    const value = this.kept.get(key);
    return value === undefined ? fallback : JSON.parse(value);
  }
  update(key: string, value: unknown): Promise<void> {
    if (value === undefined) this.kept.delete(key);
    else this.kept.set(key, JSON.stringify(value));
    return Promise.resolve();
  }
}
const memento = () => new Memento() as unknown as vscode.Memento;

test('counts shown and accepted for each adapter, across workspaces', async () => {
  const global = memento();
  const store = new Store(memento(), global);
  await store.count('a', 'shown');
  await store.count('a', 'shown');
  await store.count('a', 'accepted');
  await store.count('a', 'kept');
  await store.count('b', 'shown');
  await store.count('b', 'acceptedCharacters', 12);
  const elsewhere = new Store(memento(), global);
  expect(elsewhere.acceptance('a')).toMatchObject({ shown: 2, accepted: 1, kept: 1, dropped: 0 });
  expect(elsewhere.acceptance('b')).toMatchObject({
    shown: 1,
    accepted: 0,
    acceptedCharacters: 12,
    kept: 0,
    dropped: 0,
  });
  expect(elsewhere.acceptance('never')).toMatchObject({ shown: 0, accepted: 0, kept: 0, dropped: 0 });
});

test('continues the counts of an earlier version', async () => {
  const global = memento();
  await global.update('acceptance', { a: { shown: 2, accepted: 1 } });
  const store = new Store(memento(), global);
  await store.count('a', 'dropped');
  expect(store.acceptance('a')).toMatchObject({ shown: 2, accepted: 1, kept: 0, dropped: 1 });
});

test('servers that may be sent code are remembered in every workspace, until permission is revoked', async () => {
  const global = memento();
  const store = new Store(memento(), global);
  for (const address of ['https://a/v1', 'https://b/v1', 'https://a/v1']) await store.allowServer(address);
  const another = new Store(memento(), global);
  expect(another.allowedServers).toEqual(['https://a/v1', 'https://b/v1']);
  await another.forbidServers();
  expect(store.allowedServers).toEqual([]);
});

test('a snooze is known in every workspace, until it is ended', async () => {
  const global = memento();
  const store = new Store(memento(), global);
  expect(store.snoozedUntil).toBe(0);
  await store.setSnoozedUntil(5);
  const another = new Store(memento(), global);
  expect(another.snoozedUntil).toBe(5);
  await another.setSnoozedUntil(undefined);
  expect(store.snoozedUntil).toBe(0);
});

test('adapters are remembered, newest first', async () => {
  const store = new Store(memento(), memento());
  for (const run of ['a', 'b', 'c', 'b']) await store.setInUse(run);
  expect([store.inUse, store.recent]).toEqual(['b', ['b', 'c', 'a']]);
});

test('a run is tracked once, until its end has been reported', async () => {
  const workspace = memento();
  const store = new Store(workspace, memento());
  await store.addUnreportedRun('a');
  await store.addUnreportedRun('a');
  await store.addUnreportedRun('b');
  expect(new Store(workspace, memento()).unreportedRuns).toEqual(['a', 'b']);
  await store.markReported('a');
  expect(store.unreportedRuns).toEqual(['b']);
});

test('the adapter in use is stored per workspace', async () => {
  const [here, there, global] = [memento(), memento(), memento()];
  await new Store(here, global).setInUse('a');
  expect(new Store(here, global).inUse).toBe('a');
  expect(new Store(there, global).inUse).toBeUndefined();
});

test('the answers of an import survive a reload, separately from those of fine-tuning', async () => {
  const workspace = memento();
  const answers = { kind: 'peft', path: '/adapters/garden', base: 'smollm2-135m' } as const;
  await new Store(workspace, memento()).saveImportDraft(answers);
  const reloaded = new Store(workspace, memento());
  expect(reloaded.importDraft).toEqual(answers);
  expect(reloaded.draft).toEqual({});
  await reloaded.saveImportDraft(undefined);
  expect(reloaded.importDraft).toEqual({});
  await workspace.update('import', { kind: 'zip' });
  expect(reloaded.importDraft).toEqual({});
});

test('remembers the base used for completion, along with the runs used before', async () => {
  const store = new Store(memento(), memento());
  const base = { id: 'tiny', path: '/tiny.gguf', sha256: 'ab'.repeat(32) };
  await store.setInUse('a-run');
  expect(store.baseInUse).toBeUndefined();
  await store.setInUse('base:tiny', base);
  expect(store).toMatchObject({ inUse: 'base:tiny', baseInUse: base, recent: ['base:tiny', 'a-run'] });
  await store.setInUse('a-run');
  expect(store.baseInUse).toEqual(base);
});

test('an unfinished set-up stays visible until something completes', async () => {
  const store = new Store(memento(), memento());
  expect(store.setupStarted).toBe(false);
  await store.markSetupStarted();
  expect(store.setupStarted).toBe(true);
  await store.setInUse('run');
  expect(store.setupStarted).toBe(false);
});

test('counts what became of suggestions for each language, across workspaces, and forgets it', async () => {
  const global = memento();
  const store = new Store(memento(), global);
  for (const what of ['seen', 'seen', 'taken'] as const) await store.countUse('python', what);
  await store.countUse('go', 'seen');
  const elsewhere = new Store(memento(), global);
  expect([elsewhere.use('python').taken, elsewhere.use('go').taken]).toEqual([1, 0]);
  expect(elsewhere.use('python').seen).toBeCloseTo(2, 1);
  await elsewhere.forgetUse();
  expect(store.use('python')).toEqual({ seen: 0, taken: 0 });
});
