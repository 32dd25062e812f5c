import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { LineChild } from '../../../src/platform/processes/line-child.ts';

const dir = mkdtempSync(join(tmpdir(), 'forget-me-not-line-child-'));
const script = join(dir, 'child.mjs');
const schema = z.object({ type: z.literal('progress'), done: z.number() });

beforeAll(() =>
  writeFileSync(
    script,
    `console.log('no JSON\\n{"type":"other"}\\n{"type":"progress","done":1}');
     if (process.argv[2] === 'fail') process.exit(3);
     process.stdin.on('data', (text) => {
       console.log(JSON.stringify({ type: 'progress', done: String(text) === 'stop\\n' ? 2 : -1 }));
       process.exit(0);
     });`,
  ),
);
afterAll(() => rmSync(dir, { recursive: true }));

const collect = async (child: LineChild, each: (done: number) => void = () => undefined) => {
  const all: number[] = [];
  for await (const { done } of child.messages(schema)) {
    all.push(done);
    each(done);
  }
  return all;
};

it('skips lines that are not messages, and ends on request', async () => {
  const child = new LineChild(script, [], { stderr: 'inherit' });
  expect(await collect(child, (done) => done === 1 && child.stop())).toEqual([1, 2]);
  expect(await child.ended).toEqual({ how: 0 });
  // It has already ended.
  child.stop();
});

it('is stopped by a signal, whether aborted before or after the start', async () => {
  const stop = new AbortController();
  const later = new LineChild(script, [], { stderr: 'inherit', signal: stop.signal });
  expect(await collect(later, () => stop.abort())).toEqual([1, 2]);
  const before = new LineChild(script, [], { stderr: 'inherit', signal: stop.signal });
  expect(await collect(before)).toEqual([1, 2]);
});

it('says how it ended', async () => {
  const failed = new LineChild(script, ['fail'], { stderr: 'inherit' });
  expect(await failed.ended).toEqual({ how: 3 });
  const killed = new LineChild(script, [], { stderr: 'inherit' });
  killed.kill();
  expect(await killed.ended).toEqual({ how: 'SIGKILL' });
  const missing = new LineChild(script, [], { command: join(dir, 'none'), stderr: 'inherit' });
  missing.stop();
  const { error } = await missing.ended;
  expect(error).toMatchObject({ code: 'ENOENT' });
});
