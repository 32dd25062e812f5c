import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ServingClient } from '../../../src/serving/client.ts';

let dir: string;
let client: ServingClient;
let pids: number[];
beforeEach(() => (dir = mkdtempSync(join(tmpdir(), 'fmn-client-'))));
afterEach(async () => {
  await client.dispose();
  rmSync(dir, { recursive: true, force: true });
});

/** A client of a server that this program plays. */
function clientOf(program: string): ServingClient {
  const script = join(dir, 'server.mjs');
  writeFileSync(script, program);
  pids = [];
  client = new ServingClient({
    node: () => ({ command: process.execPath, env: {} }),
    script,
    base: 'base.gguf',
    onStart: (pid) => pids.push(pid),
  });
  return client;
}

it('brings a server back once for all requests that it died under', async () => {
  clientOf(`
    import { createServer } from 'node:http';
    import { existsSync, writeFileSync } from 'node:fs';
    const again = existsSync(${JSON.stringify(join(dir, 'died'))});
    const choices = [{ index: 0, text: 'x', finish_reason: 'stop' }];
    let asked = 0;
    const server = createServer((request, response) => {
      if (again) response.end(JSON.stringify({ id: '1', object: 'text_completion', created: 1, model: 'base', choices }));
      else if ((asked += 1) === 3) {
        writeFileSync(${JSON.stringify(join(dir, 'died'))}, '');
        process.exit(1);
      }
    }).listen(0, '127.0.0.1', () =>
      console.log(JSON.stringify({ type: 'ready', port: server.address().port, models: ['base'], fillInTheMiddle: false })));`);
  const answers = await Promise.all([1, 2, 3].map(() => client.complete({ model: 'base', prompt: 'a' })));
  expect(answers.map(({ choices }) => choices[0]!.text)).toEqual(['x', 'x', 'x']);
  expect(pids).toHaveLength(2);
});

it('says why a server could not start, and leaves none behind', async () => {
  const failed = {
    type: 'failed',
    code: 'base-truncated',
    message: 'The base is cut short.',
    next: 'Fetch it.',
  };
  clientOf(`process.stdout.write(${JSON.stringify(`${JSON.stringify(failed)}\n`)}, () => process.exit(1));`);
  await expect(client.start()).rejects.toMatchObject({ code: failed.code, message: failed.message });
  clientOf(`console.log('what?'); setInterval(() => {}, 1000);`);
  await expect(client.start()).rejects.toMatchObject({ code: 'internal' });
  await expect.poll(() => isAlive(pids[0]!)).toBe(false);
});

it('starts nothing more once it is disposed of while it waits after crashes', async () => {
  clientOf('process.exit(1);');
  await expect(client.start()).rejects.toMatchObject({ code: 'internal' });
  await expect(client.start()).rejects.toMatchObject({ code: 'internal' });
  const third = client.start();
  await Promise.all([client.dispose(), expect(third).rejects.toMatchObject({ code: 'internal' })]);
  expect(pids).toHaveLength(2);
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
