import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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

it('offers an adapter that came later, to the server that runs and to the next one', async () => {
  const [first, later, refused] = ['first', 'later', 'refused'].map((name) => join(dir, `${name}.gguf`));
  for (const file of [first, later, refused]) writeFileSync(file!, '');
  const heard = join(dir, 'heard.jsonl');
  clientOf(`
    import { appendFileSync } from 'node:fs';
    import { createServer } from 'node:http';
    const hear = (what) => appendFileSync(${JSON.stringify(heard)}, JSON.stringify(what) + '\\n');
    hear(process.argv.filter((word) => word.includes('=')));
    createServer(async (request, response) => {
      let body = '';
      for await (const part of request) body += part;
      const asked = JSON.parse(body);
      hear([request.url, asked.lora_name ?? asked.model]);
      if (asked.model) process.exit(1);
      if (asked.lora_name === 'refused') response.statusCode = 409;
      response.end(asked.lora_name === 'refused' ? '{"error":{"message":"For another base."}}' : 'Success');
    }).listen(0, '127.0.0.1', function () {
      console.log(JSON.stringify({ type: 'ready', port: this.address().port, models: ['base'], fillInTheMiddle: false }));
    });`);
  await client.addAdapter({ name: 'first', path: first! });
  await client.start();
  await client.addAdapter({ name: 'later', path: later! });
  await client.addAdapter({ name: 'later', path: later! });
  await expect(client.addAdapter({ name: 'refused', path: refused! })).rejects.toThrow('For another base.');
  rmSync(first!);
  // It dies under the request, and so does the next one, which serves what is still there.
  await expect(client.complete({ model: 'later', prompt: 'a' })).rejects.toThrow();
  expect(
    readFileSync(heard, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as string[]),
  ).toEqual([
    [`first=${first}`],
    ['/v1/load_lora_adapter', 'later'],
    ['/v1/load_lora_adapter', 'refused'],
    ['/v1/completions', 'later'],
    [`later=${later}`],
    ['/v1/completions', 'later'],
  ]);
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
