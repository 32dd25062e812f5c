/** Training on a Ray cluster from the editor: nothing is sent without consent, and no folder decides where. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { Children } from '../../../src/extension/children.ts';
import { forgetClusterToken, setClusterToken } from '../../../src/extension/cluster/cluster-commands.ts';
import {
  confirmSending,
  clusterEnvironment,
  clusterInSettings,
} from '../../../src/extension/cluster/cluster.ts';
import { requestStop, resumeOnCluster } from '../../../src/extension/cluster/cluster-runs.ts';
import type { Log } from '../../../src/extension/log.ts';
import type { Services } from '../../../src/extension/services.ts';
import { progressLine, shortProgress } from '../../../src/extension/texts.ts';
import { repairsFor } from '../../../src/extension/wizard/carry-out.ts';
import type { Plan } from '../../../src/extension/draft.ts';
import { trainArguments } from '../../../src/extension/wizard/wizard.ts';
import { UserError } from '../../../src/text/errors.ts';
import type { RunSnapshot } from '../../../src/protocol/panel.ts';
import type { SendQuestion } from '../../../src/protocol/question.ts';
import { clusterFile } from '../cluster/help.ts';
import * as editor from './fake-vscode.ts';

vi.mock('vscode', () => import('./fake-vscode.ts'));

const RAY = 'https://ray.example';
const SECRET = 'a-token-that-nobody-may-see';
const home = mkdtempSync(join(tmpdir(), 'fmn-cluster-'));
afterAll(() => rmSync(home, { recursive: true }));
beforeEach(() => {
  editor.reset();
  vi.stubEnv('FORGET_ME_NOT_HOME', home);
  vi.stubEnv('RAY_AUTH_TOKEN', undefined);
});
afterEach(() => vi.unstubAllEnvs());

const set = (globalValue: string, name = 'cluster') => (editor.inspected[name] = { globalValue });
const plan: Plan = {
  folders: ['/garden'],
  base: 'smollm2-135m',
  method: 'lora',
  budget: { minutes: 10 },
};

/** The services that commands need; `answer`: what a child process returns. */
function extension(answer: () => Promise<unknown> = () => Promise.resolve({ run: 'a-run' })) {
  const secrets = new Map<string, string>();
  const notified: string[] = [];
  const buttons: { title: string; run: () => unknown }[] = [];
  const asked: { args: string[]; env: NodeJS.ProcessEnv | undefined }[] = [];
  const services = {
    extension: {
      secrets: {
        get: (name: string) => Promise.resolve(secrets.get(name)),
        store: (name: string, value: string) => Promise.resolve(void secrets.set(name, value)),
        delete: (name: string) => Promise.resolve(void secrets.delete(name)),
      },
    },
    log: {
      notify: (_: string, message: string) => Promise.resolve(void notified.push(message)),
      showError: (error: Error, ...actions: typeof buttons) => {
        notified.push(error.message);
        buttons.push(...actions);
      },
    },
    children: {
      ask: (_: unknown, args: string[], { env }: { env?: NodeJS.ProcessEnv } = {}) => {
        asked.push({ args, env });
        return answer();
      },
    },
  };
  return { services: services as unknown as Services, notified, buttons, asked };
}

describe('the setting', () => {
  it('comes only from the user settings, whatever a folder says', () => {
    editor.inspected['cluster'] = { workspaceValue: RAY, workspaceFolderValue: RAY };
    expect(clusterInSettings()).toBeUndefined();
    set(`${RAY}/`);
    expect(clusterInSettings()).toMatchObject({ url: RAY, host: 'ray.example' });
    set('http://ray.example');
    expect(clusterInSettings).toThrow('in plain text');
  });

  it('makes a training run on the cluster', () => {
    set(RAY);
    set('s3://bucket/folder', 'clusterStorage');
    editor.configured['training.backend'] = 'webgpu';
    editor.configured['training.device'] = '1';
    const args = trainArguments(plan, clusterInSettings());
    expect(args.join(' ')).toBe(
      `train /garden --base smollm2-135m --method lora --minutes 10 --backend tensorflow --on ${RAY} --storage s3://bucket/folder --detach`,
    );
    expect(trainArguments(plan).join(' ')).toContain('--yes --detach');
  });

  it("follows the folder's options, so those send nothing elsewhere", () => {
    set(RAY);
    editor.configured['training.options'] = ['--on', 'https://evil.example', '--yes'];
    const args = trainArguments(plan, clusterInSettings());
    expect(args[args.lastIndexOf('--on') + 1]).toBe(RAY);
  });
});

describe('the token', () => {
  it('is stored for one address, is never shown, and can be forgotten', async () => {
    const { services, notified } = extension();
    set(RAY);
    editor.answers.push(` ${SECRET} `);
    expect(await setClusterToken(services)).toBe(true);
    expect(await clusterEnvironment(services, { url: RAY })).toEqual({ RAY_AUTH_TOKEN: SECRET });
    expect(await clusterEnvironment(services, { url: 'https://evil.example' })).toEqual({});
    await forgetClusterToken(services);
    expect(await clusterEnvironment(services, { url: RAY })).toEqual({});
    expect([...notified, ...editor.shown].join()).not.toContain(SECRET);
    set('');
    await expect(setClusterToken(services)).rejects.toMatchObject({ code: 'cluster-address' });
  });

  it('can be entered when a cluster requires one', () => {
    const error = { code: 'cluster-token', message: 'It requires a token.', next: 'Give it.' } as const;
    expect(repairsFor(error, undefined).map(({ kind }) => kind)).toEqual(['token', 'again', 'answers']);
  });
});

describe('a question from the command line', () => {
  const question: SendQuestion = {
    ask: 'send',
    host: 'ray.example',
    plainText: false,
    storage: null,
    program: 35_000_000,
    work: 2_000_000,
  };

  it('names the destination and the size, and only the button confirms', async () => {
    editor.answers.push('Send', undefined);
    expect(await confirmSending(question)).toBe(true);
    expect(await confirmSending(question)).toBe(false);
    expect(editor.shown[0]).toBe(
      'To train on the cluster at ray.example, 37 MB have to be sent there. [Send to the Cluster]',
    );
  });

  it('says what is sent, that it is not encrypted, and where checkpoints go', async () => {
    const show = vi.spyOn(editor.window, 'showWarningMessage');
    await confirmSending({ ...question, program: 0, plainText: true, storage: '/mnt/shared' });
    const { detail } = show.mock.calls[0]![1] as { detail: string };
    expect(detail).toMatch(/^2 MB: settings, the corpus as tokens, which can be turned back into its text/);
    expect(detail).toContain('NOT encrypted');
    expect(detail).toContain('/mnt/shared');
    show.mockRestore();
  });

  it('names the models that are sent, and counts a base that is copied to the storage', async () => {
    const show = vi.spyOn(editor.window, 'showWarningMessage');
    const base = { name: 'ours.gguf', copied: 60_000_000 };
    await confirmSending({ ...question, storage: '/mnt/shared', base, adapter: true });
    await confirmSending({ ...question, base: { ...base, copied: 0 } });
    const [copied, packed] = show.mock.calls.map(
      ([title, more]) => title + (more as { detail: string }).detail,
    );
    expect(copied).toContain('97 MB have to be sent there');
    expect(copied).toContain('The adapter that training begins with is part of it.');
    expect(copied).toContain('60 MB: the base ours.gguf, which is copied to the storage.');
    expect(packed).toContain('37 MB have to be sent there');
    expect(packed).toContain('The base ours.gguf is part of it.');
    expect(packed).not.toContain('adapter');
    show.mockRestore();
  });

  it.each([
    ['yes', true],
    ['no', false],
  ])('gets its answer, %s, and the token is passed only in the environment', async (said, agreed) => {
    const script = join(home, 'cli.mjs');
    writeFileSync(
      script,
      `process.stdin.on('data', (text) => {
         console.log(JSON.stringify({ said: String(text).trim(), token: process.env.RAY_AUTH_TOKEN, args: process.argv.slice(2) }));
         process.exit();
       });
       if (process.env.FORGET_ME_NOT_ASK === 'stdin') console.error('${JSON.stringify(question)}');`,
    );
    const logged: string[] = [];
    const log = { info: (line: string) => logged.push(line) } as unknown as Log;
    const questions: SendQuestion[] = [];
    const node = () => Promise.resolve({ command: process.execPath, env: {} });
    const children = new Children(
      node,
      script,
      log,
      (question) => (questions.push(question), Promise.resolve(agreed)),
    );
    const schema = z.object({ said: z.string(), token: z.string(), args: z.array(z.string()) });
    const answer = await children.ask(schema, ['train'], { env: { RAY_AUTH_TOKEN: SECRET } });
    expect(answer).toEqual({ said, token: SECRET, args: ['train', '--json'] });
    expect(questions).toEqual([question]);
    expect(logged.join()).not.toContain(SECRET);
  });
});

describe('a run on the cluster', () => {
  const runOf = (patch: object) => {
    const dir = join(home, 'runs', 'a-run');
    mkdirSync(dir, { recursive: true });
    writeFileSync(join(dir, 'cluster.json'), JSON.stringify(clusterFile(RAY, patch)));
  };

  it('is stopped and resumed with the token of its own address', async () => {
    const { services, asked } = extension();
    runOf({});
    editor.answers.push(SECRET);
    await setClusterToken(services, RAY);
    set('https://other.example');
    await requestStop(services, 'a-run');
    expect(await resumeOnCluster(services, 'a-run', RAY)).toBe('a-run');
    const env = { RAY_AUTH_TOKEN: SECRET };
    expect(asked).toEqual([
      { args: ['cancel', 'a-run'], env },
      { args: ['resume', 'a-run', '--detach'], env },
    ]);
  });

  it('is stopped here once its job has ended', async () => {
    const { services, asked } = extension();
    runOf({ ended: 'done' });
    await expect(requestStop(services, 'a-run')).rejects.toMatchObject({ code: 'run-not-found' });
    expect(asked).toEqual([]);
  });

  it('asks for a token if its cluster requires one', async () => {
    const wants = new UserError('cluster-token', 'The cluster at ray.example requires a token.', 'Give it.');
    const { services, notified, buttons } = extension(() => Promise.reject(wants));
    expect(await resumeOnCluster(services, 'a-run', RAY)).toBeUndefined();
    expect(notified).toEqual([wants.message]);
    editor.answers.push(SECRET);
    await buttons[0]!.run();
    expect(await clusterEnvironment(services, { url: RAY })).toEqual({ RAY_AUTH_TOKEN: SECRET });
  });

  it('says where it runs', () => {
    const state = { status: 'running', step: 15, steps: 60, phase: 'Training', cluster: 'ray.example' };
    const run = { spec: {}, state, events: [] } as unknown as RunSnapshot;
    expect(shortProgress(run)).toBe('training 25% · cluster');
    expect(progressLine(run)).toBe('Training: step 15 of 60 · on the cluster at ray.example');
  });
});
