/** A remote completion server: nothing is sent without permission, and no folder decides where. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { RemoteServer } from '../../../src/extension/completion/remote-server.ts';
import {
  chooseEndpointModel,
  forgetEndpointToken,
  setEndpointToken,
  stopSendingCode,
} from '../../../src/extension/commands/endpoint-commands.ts';
import type { Context } from '../../../src/extension/context.ts';
import { mistral, vllm, type OtherServer } from '../../support/other-servers.ts';
import * as editor from './fake-vscode.ts';

vi.mock('vscode', () => import('./fake-vscode.ts'));

const ENDPOINT = 'completion.endpoint';
let servers: OtherServer[];

beforeEach(() => {
  editor.reset();
  servers = [];
});
afterEach(() => Promise.all(servers.map(({ app }) => app.close())));

/** An extension whose user answers each question with `press`: the beginning of a button. */
function extension({ press }: { press?: string } = {}) {
  const asked: string[] = [];
  const secrets = new Map<string, string>();
  const store = {
    allowedServers: [] as string[],
    allowServer(address: string) {
      this.allowedServers.push(address);
      return Promise.resolve();
    },
    forbidServers() {
      this.allowedServers = [];
      return Promise.resolve();
    },
  };
  const log = {
    notify: async (_: string, message: string, ...actions: { title: string; run: () => unknown }[]) => {
      asked.push(message);
      await actions.find(({ title }) => press && title.startsWith(press))?.run();
    },
    info: () => undefined,
    showError: (error: Error) => asked.push(error.message),
  };
  const services = {
    log,
    store,
    extension: {
      secrets: {
        get: (name: string) => Promise.resolve(secrets.get(name)),
        store: (name: string, value: string) => Promise.resolve(void secrets.set(name, value)),
        delete: (name: string) => Promise.resolve(void secrets.delete(name)),
      },
    },
  };
  const elsewhere = new RemoteServer(services as unknown as Context, () => undefined);
  const settingsChanged = vi.fn();
  const completion = { remoteServer: elsewhere, settingsChanged };
  return { asked, elsewhere, settingsChanged, context: { ...services, completion } as unknown as Context };
}

const set = (globalValue: string, name = ENDPOINT) => (editor.inspected[name] = { globalValue });

test('only the user settings decide where code goes, never a folder', () => {
  const { elsewhere } = extension();
  editor.inspected[ENDPOINT] = {
    workspaceValue: 'https://evil.example/v1',
    workspaceFolderValue: 'https://evil.example/v1',
  };
  expect(elsewhere.model).toBeUndefined();
  set('https://gpu.example/v1');
  editor.inspected[ENDPOINT]!['workspaceValue'] = 'https://evil.example/v1';
  expect(elsewhere.model).toMatchObject({ name: 'gpu.example', remote: { model: '' } });
  set('garden', 'completion.endpointModel');
  expect(elsewhere.model).toMatchObject({ name: 'garden @ gpu.example', id: 'server:garden @ gpu.example' });
});

test('permission is asked once for each address, stating what would leave the machine and where to', async () => {
  set('https://gpu.example');
  const { elsewhere, asked } = extension();
  for (let key = 0; key < 3; key += 1) expect(elsewhere.checkPermission(elsewhere.endpoint!)).toBe(false);
  expect(asked).toHaveLength(1);
  expect(asked[0]).toContain('https://gpu.example/v1');
  expect(asked[0]).toContain(
    'up to 3,000 characters before the cursor, 600 after it and 1,600 of other open files',
  );
  expect(asked[0]).not.toContain('plain text');
  set('http://192.168.0.7:8000');
  expect(elsewhere.checkPermission(elsewhere.endpoint!)).toBe(false);
  expect(asked[1]).toContain('plain text');
  await Promise.resolve();
});

test('permission lasts, for this address only', async () => {
  set('https://gpu.example');
  const { elsewhere } = extension({ press: 'Send Code There' });
  await elsewhere.askPermission(elsewhere.endpoint!);
  expect(elsewhere.checkPermission(elsewhere.endpoint!)).toBe(true);
  set('https://gpu.example:444');
  expect(elsewhere.isAllowed(elsewhere.endpoint!)).toBe(false);
});

test('permission can be revoked: nothing more is sent, and typing does not ask again', async () => {
  const server = await mistral();
  servers.push(server);
  set(server.address);
  const { elsewhere, asked, context, settingsChanged } = extension({ press: 'Send Code There' });
  await elsewhere.askPermission(elsewhere.endpoint!);
  const client = elsewhere.createClient(elsewhere.model!);
  const request = { model: '', prompt: 'a', max_tokens: 8, stop: [] };
  const ask = () => client.stream(request as never, () => undefined);
  expect(await ask()).toMatchObject({ text: 'a + b' });
  await stopSendingCode(context);
  // Revoking stops the requests in flight.
  expect(settingsChanged).toHaveBeenCalledOnce();
  expect(asked.at(-1)).toMatch(
    /^Code is no longer sent to 127\.0\.0\.1:\d+ or any other completion server\./,
  );
  // A model that is still referenced sends nothing either.
  await expect(ask()).rejects.toMatchObject({ code: 'cancelled' });
  expect(server.heard).toHaveLength(1);
  const questions = asked.length;
  expect(elsewhere.checkPermission(elsewhere.endpoint!)).toBe(false);
  expect(asked).toHaveLength(questions);
  await client.dispose();
});

test('permission can be revoked when the settings no longer name a server', async () => {
  set('https://gpu.example');
  const { elsewhere, asked, context } = extension({ press: 'Send Code There' });
  await elsewhere.askPermission(elsewhere.endpoint!);
  set('');
  await stopSendingCode(context);
  expect(asked.at(-1)).toBe('Code is no longer sent to any remote completion server.');
  set('https://gpu.example');
  expect(elsewhere.isAllowed(elsewhere.endpoint!)).toBe(false);
});

test('revoking offers to complete on this machine', async () => {
  set('https://gpu.example');
  const { elsewhere, context } = extension({ press: 'Complete on This Machine' });
  await stopSendingCode(context);
  expect(elsewhere.model).toBeUndefined();
});

test('a rejected address is reported once, and no remote server is used', () => {
  set('http://gpu.example');
  const { elsewhere, asked } = extension();
  for (let time = 0; time < 3; time += 1) expect(elsewhere.model).toBeUndefined();
  expect(asked).toEqual(['Code would go to gpu.example in plain text, readable by anybody on the way.']);
});

test('the token is stored for one address, is never shown, and can be forgotten', async () => {
  set('https://gpu.example');
  const { context, elsewhere, asked } = extension();
  editor.answers.push(' a secret ');
  await setEndpointToken(context);
  const token = () => elsewhere.remoteFor(elsewhere.endpoint!).token!();
  expect(await token()).toBe('a secret');
  set('https://evil.example');
  expect(await token()).toBeUndefined();
  set('https://gpu.example');
  await forgetEndpointToken(context);
  expect(await token()).toBeUndefined();
  expect([...asked, ...editor.shown].join()).not.toContain('secret');
  set('');
  await expect(setEndpointToken(context)).rejects.toMatchObject({ code: 'endpoint-address' });
});

test('the model is chosen from those that the server has', async () => {
  const server = await vllm();
  servers.push(server);
  set(server.address);
  const { context, asked } = extension();
  editor.answers.push('garden');
  await chooseEndpointModel(context);
  expect(editor.inspected['completion.endpointModel']).toMatchObject({ globalValue: 'garden' });
  // Only the list was requested; sending code needs a separate permission.
  expect(server.heard).toEqual([]);
  expect(asked).toHaveLength(1);
});

test('models that are not for code are not offered', async () => {
  const server = await mistral();
  servers.push(server);
  set(server.address);
  const { context } = extension();
  editor.answers.push('mistral');
  await chooseEndpointModel(context);
  expect(editor.inspected['completion.endpointModel']).toBeUndefined();
  editor.answers.push('codestral');
  await chooseEndpointModel(context);
  expect(editor.inspected['completion.endpointModel']).toMatchObject({ globalValue: 'codestral-2508' });
});
