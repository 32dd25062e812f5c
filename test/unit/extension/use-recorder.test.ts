import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { UseRecorder, type ShownNow } from '../../../src/extension/completion/use-recorder.ts';
import type { KeepRequest } from '../../../src/corpus/preferences/keeper.ts';
import { preferencesFile } from '../../../src/corpus/preferences/store.ts';
import { preferenceSchema } from '../../../src/protocol/preferences.ts';

const editor = vi.hoisted(() => ({ learns: true, trusted: true, scheme: 'file' }));
vi.mock('vscode', () => ({
  workspace: {
    get isTrusted() {
      return editor.trusted;
    },
    getConfiguration: () => ({
      get: (name: string, fallback: unknown) =>
        name === 'completion.learnFromUse' ? editor.learns : fallback,
    }),
    getWorkspaceFolder: () => ({ uri: { scheme: editor.scheme, fsPath: '/home/me/shop' } }),
  },
  ConfigurationTarget: {},
}));

let home: string;
let recorder: UseRecorder;
beforeEach(async () => {
  Object.assign(editor, { learns: true, trusted: true, scheme: 'file' });
  home = await mkdtemp(join(tmpdir(), 'recorder-'));
  const recorded = JSON.stringify(join(home, 'messages'));
  recorder = await recorderWith(`
    if (message === 'end') parentPort.close();
    else appendFileSync(${recorded}, JSON.stringify(message) + '\\n');`);
});
afterEach(async () => {
  await recorder.close();
  await rm(home, { recursive: true });
});

/** With this code in place of the writing thread, run for each message. */
async function recorderWith(what: string, closingMs?: number): Promise<UseRecorder> {
  const script = join(home, `thread-${what.length}.mjs`);
  await writeFile(
    script,
    `import { parentPort } from 'node:worker_threads';
     import { appendFileSync } from 'node:fs';
     parentPort.on('message', (message) => {${what}});`,
  );
  return new UseRecorder(script, () => undefined, closingMs);
}

const shown = {
  model: { id: 'a-run', base: { id: 'a-base', path: '/base', sha256: 'ab12' } },
  document: { uri: {} },
  at: {
    path: 'file:///home/me/shop/src/cart.ts',
    languageId: 'typescript',
    before: 'import x;\r\nconst total = ',
    after: ';\r\n',
    place: { repository: 'shop', path: 'src/cart.ts' },
  },
  end: 25,
} as unknown as ShownNow;
const outcome = { shown: 'sum(\r\n  a)', accepted: 6, later: 'sum(\r\n  b)\r\n', seconds: 300 };

async function kept(): Promise<KeepRequest[]> {
  const path = join(home, 'messages');
  while (!existsSync(path) || !(await readFile(path, 'utf8')).endsWith('\n')) await sleep(5);
  return (await readFile(path, 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as KeepRequest);
}

describe('the outcome of a completion', () => {
  it('is recorded with its position, with line ends as models see them', async () => {
    const listener = recorder.listenerFor(shown)!;
    expect(listener).toMatchObject({ end: 25, line: 'const total = ' });
    listener.report(outcome);
    const [{ file, preference }] = (await kept()) as [KeepRequest];
    expect(file).toBe(preferencesFile('/home/me/shop'));
    expect(preferenceSchema.parse(preference)).toMatchObject({
      repository: 'shop',
      path: 'src/cart.ts',
      languageId: 'typescript',
      prefix: 'import x;\nconst total = ',
      suffix: ';\n',
      shown: 'sum(\n  a)',
      accepted: 5,
      later: 'sum(\n  b)\n',
      seconds: 300,
      run: 'a-run',
      base: { id: 'a-base', sha256: 'ab12' },
    });
  });

  it('is not recorded if the user has not enabled it, the workspace is untrusted, or it is no folder on disk', () => {
    for (const not of [{ learns: false }, { trusted: false }, { scheme: 'vscode-vfs' }]) {
      Object.assign(editor, { learns: true, trusted: true, scheme: 'file' }, not);
      expect(recorder.listenerFor(shown)).toBeUndefined();
    }
  });

  it('is not recorded if recording was turned off or deleted since it was shown', async () => {
    const [off, deleted] = [recorder.listenerFor(shown)!, recorder.listenerFor(shown)!];
    editor.learns = false;
    off.report(outcome);
    editor.learns = true;
    recorder.forget();
    deleted.report(outcome);
    await sleep(2);
    recorder.listenerFor(shown)!.report({ ...outcome, seconds: 7 });
    expect((await kept()).map(({ preference }) => preference.seconds)).toEqual([7]);
  });

  it('is recorded by the time it is closed, and a stuck thread does not block', async () => {
    recorder.listenerFor(shown)!.report(outcome);
    await recorder.close();
    expect(await readFile(join(home, 'messages'), 'utf8')).toMatch(/^\{.*\}\n$/);
    const stuck = await recorderWith('', 50);
    stuck.listenerFor(shown)!.report(outcome);
    await stuck.close();
  });
});
