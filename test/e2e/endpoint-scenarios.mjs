// What a person does with a completion server elsewhere: allows it, gives it its token, and accepts what it writes.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ensureResults, newest, saveAndCheck, typeUntilGhostText } from './steps.mjs';
import { until } from './until.mjs';
import { root, writeFile } from './workplace.mjs';

const TOKEN = 'a-token-of-the-team';

export const endpointScenarios = {
  async 'a server elsewhere completes, once that is allowed and it has its token'(workbench, place) {
    await ensureResults(workbench, place, 1);
    const server = await startServer(place, newest(place));
    try {
      place.setMachine({
        'forgetMeNot.completion.endpoint': `http://127.0.0.1:${server.port}/v1`,
        'forgetMeNot.completion.endpointModel': 'team',
      });
      writeFile(place.workspace, 'elsewhere.js', '');
      await workbench.openFile('elsewhere.js');
      await workbench.type('return registry.');
      await workbench.notificationButton('Your code would be completed by 127.0.0.1', 'Send Code There');
      await workbench.command('Forget-Me-Not: Set the Token of the Completion Server');
      await workbench.answer('Token of the completion server at 127.0.0.1', TOKEN);
      await workbench.notification('The token of 127.0.0.1');
      await workbench.dismissNotifications();
      await until('no server of this machine to complete', () =>
        place.servers().every((pid) => pid === server.pid),
      );
      const ghost = await typeUntilGhostText(workbench);
      await workbench.screenshot('completed-elsewhere');
      await workbench.page.keyboard.press('Tab');
      await saveAndCheck(workbench, place, 'elsewhere.js', ghost);
      await workbench.statusBar('127.0.0.1').waitFor();
    } finally {
      place.setMachine({});
      server.end();
    }
    await workbench.statusBar('127.0.0.1').waitFor({ state: 'detached' });
  },
};

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
  return { port: JSON.parse(line).port, pid: child.pid, end: () => child.kill('SIGKILL') };
}
