// What a user does with a remote completion server: allows it, enters its token, and accepts its completions.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { acceptGhostText, answered, ensureResults, newest, shown } from './steps.mjs';
import { until } from './until.mjs';
import { root, writeFile } from './workplace.mjs';

const TOKEN = 'a-token-of-the-team';

export const endpointScenarios = {
  async 'a remote server completes, once it is allowed and has its token'(workbench, place) {
    await ensureResults(workbench, place, 1);
    const server = await startServer(place, newest(place));
    try {
      await completeElsewhere(workbench, place, server);
      await stopSending(workbench);
    } finally {
      place.setMachine({});
      server.end();
    }
    await workbench.statusBar('127.0.0.1').waitFor({ state: 'detached' });
  },

  async 'a suggestion appears with its first line, and grows while it is read'(workbench, place) {
    const server = await startSlowServer();
    try {
      place.setMachine({ 'forgetMeNot.completion.endpoint': `http://127.0.0.1:${server.port}/v1` });
      await workbench.statusBar('127.0.0.1').waitFor();
      writeFile(place.workspace, 'grows.py', '');
      await workbench.openFile('grows.py');
      await workbench.type('def tend():');
      await workbench.notificationButton('Your code would be completed by 127.0.0.1', 'Send Code There');
      await workbench.focusEditor('grows.py');
      await workbench.page.keyboard.press('Control+A');
      await workbench.type('def tend():');
      await until('the first line', async () => /first/.test(await shown(workbench)));
      assert.doesNotMatch(await shown(workbench), /second/);
      server.goOn();
      await until('the rest', async () => /first.*second/s.test(await shown(workbench)));
      await workbench.screenshot('grown');
    } finally {
      place.setMachine({});
      server.end();
    }
    await workbench.statusBar('127.0.0.1').waitFor({ state: 'detached' });
  },
};

/** A server that completes with two lines, the second of which waits for `goOn`. */
async function startSlowServer() {
  let goOn;
  const mayGoOn = new Promise((resolve) => (goOn = resolve));
  const server = createServer(async (request, response) => {
    if (request.method === 'GET') {
      response.setHeader('Content-Type', 'application/json');
      const model = { id: 'slow', owned_by: 'forget-me-not', fill_in_the_middle: true };
      return response.end(JSON.stringify({ object: 'list', data: [model] }));
    }
    response.setHeader('Content-Type', 'text/event-stream');
    const send = (text, finish_reason = null) =>
      response.write(`data: ${JSON.stringify({ choices: [{ index: 0, text, finish_reason }] })}\n\n`);
    send('\n    first()\n');
    await mayGoOn;
    send('    second()\n', 'stop');
    response.end('data: [DONE]\n\n');
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const end = () => {
    server.closeAllConnections();
    server.close();
  };
  return { port: server.address().port, goOn, end };
}

/**
 * Names the server in the settings, allows it, enters its token, and accepts its completion.
 * @param {{ port: number, model: string, token: string, pid?: number, text?: string }} server `pid`: of one that
 * computes like this machine's; `text`: the text before the cursor
 * @returns {Promise<{ typed: string, text: string }>} what was typed, and what was accepted
 */
export async function completeElsewhere(workbench, place, { port, model, token, pid, text = '' }) {
  place.setMachine({
    'forgetMeNot.completion.endpoint': `http://127.0.0.1:${port}/v1`,
    'forgetMeNot.completion.endpointModel': model,
  });
  // The extension is running, and has read the settings.
  await workbench.statusBar('127.0.0.1').waitFor();
  writeFile(place.workspace, 'elsewhere.js', text);
  await workbench.openFile('elsewhere.js');
  await workbench.type('return registry.');
  await workbench.notificationButton('Your code would be completed by 127.0.0.1', 'Send Code There');
  await workbench.command('Forget-Me-Not: Set Completion Server Token');
  await workbench.answer('Token of the completion server at 127.0.0.1', token);
  await workbench.notification('The token of 127.0.0.1');
  await workbench.dismissNotifications();
  await until('no server of this machine to complete', () => place.servers().every((one) => one === pid));
  const ghost = await acceptGhostText(workbench, place, 'elsewhere.js', 'completed-elsewhere');
  await workbench.statusBar('127.0.0.1').waitFor();
  return ghost;
}

/** Revokes permission: typing no longer shows or requests anything. */
async function stopSending(workbench) {
  await workbench.command('Forget-Me-Not: Stop Sending Code to the Completion Server');
  await workbench.notification('Code is no longer sent to 127.0.0.1');
  await workbench.dismissNotifications();
  await workbench.focusEditor('elsewhere.js');
  await workbench.page.keyboard.press('Control+End');
  await workbench.page.keyboard.press('Enter');
  await workbench.type('return registry.');
  assert.equal(await answered(workbench), '');
  assert.equal(await workbench.page.locator('.notification-toast').count(), 0);
}

/** Our own server as a team would run it, with a run's adapter under the name "team". */
async function startServer({ base, home }, run) {
  const adapter = `team=${join(run.dir, 'adapter.gguf')}`;
  const args = [join(root, 'dist/server.mjs'), '--base', base, '--adapter', adapter, '--port', '0'];
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, FORGET_ME_NOT_HOME: home, FORGET_ME_NOT_TOKEN: TOKEN },
  });
  const line = await new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', resolve);
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}`)));
  });
  const end = () => child.kill('SIGKILL');
  return { port: JSON.parse(line).port, model: 'team', token: TOKEN, pid: child.pid, end };
}
