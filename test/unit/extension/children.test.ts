import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { Children, type ChildProgress } from '../../../src/extension/children.ts';
import type { Log } from '../../../src/extension/log.ts';
import { msg, reportError, UserError, reasonOf } from '../../../src/text/errors.ts';
import { jsonLine } from '../../../src/text/foreign-text.ts';
import { setLanguage, translate } from '../../../src/text/l10n.ts';
import { withTexts, type Text } from '../../../src/text/message.ts';
import { bundleIn } from '../../support/manifest.ts';

const dir = mkdtempSync(join(tmpdir(), 'forget-me-not-children-'));
const script = join(dir, 'cli.mjs');
/** A sentence that the bundle contains, and characters with a special meaning elsewhere. */
const FOLDER = '/home/me/The disk is full. $& {0} "ä" 1,234';
const unreadable = () =>
  new UserError(
    'corpus-unreadable',
    msg`The folder ${FOLDER} can't be read: ${msg`it does not exist`}.`,
    msg`Start it again.`,
  );
const NOT_MEASURED = msg`${'HumanEval'} was not measured: ${'no network'}`;
const logged: string[] = [];
const log = { info: (line: string) => logged.push(line), warn: () => {}, error: () => {} } as unknown as Log;
const children = (command = process.execPath) =>
  new Children(() => Promise.resolve({ command, env: { EXTRA: 'yes' } }), script, log);

beforeAll(() =>
  writeFileSync(
    script,
    `const [command, ...rest] = process.argv.slice(2);
     if (command === 'echo') console.log(JSON.stringify({ rest, extra: process.env.EXTRA }));
     if (command === 'noisy') {
       console.error(JSON.stringify({ phase: 'Downloading', done: 1, total: 2, unit: 'bytes' }));
       console.error('a warning');
       console.error(${JSON.stringify(jsonLine({ type: 'warning', ...withTexts({ message: NOT_MEASURED }) }))});
       console.log('{"other": 1}\\n');
       console.log('{"answer": 42}');
     }
     if (command === 'fail') { console.log(JSON.stringify({ error: { code: 'corpus-empty', message: 'Nothing here.', next: 'Add code.' } })); process.exitCode = 1; }
     if (command === 'unreadable') { console.log(${JSON.stringify(jsonLine({ error: reportError(unreadable()) }))}); process.exitCode = 1; }
     if (command === 'crash') { console.error('boom at line 3'); process.exitCode = 7; }
     if (command === 'long') { setTimeout(() => {}, 60_000); process.stdin.on('data', (text) => { console.error('asked to ' + text); setTimeout(() => process.exit(143), 50); }); }`,
  ),
);
afterAll(() => rmSync(dir, { recursive: true }));

test('calls with --json and the environment that Node needs', async () => {
  const answer = await children().ask(z.object({ rest: z.array(z.string()), extra: z.string() }), [
    'echo',
    'a b',
  ]);
  expect(answer).toEqual({ rest: ['a b', '--json'], extra: 'yes' });
});

test('takes the last line as the answer, progress and warnings as such, and the rest of stderr for the log', async () => {
  const progress: ChildProgress[] = [];
  const warnings: Text[] = [];
  const answer = await children().ask(z.object({ answer: z.number() }), ['noisy'], {
    onProgress: (line) => progress.push(line),
    onWarning: (warning) => warnings.push(warning),
  });
  expect(answer.answer).toBe(42);
  expect(progress).toEqual([{ phase: 'Downloading', done: 1, total: 2, unit: 'bytes' }]);
  expect(warnings).toEqual([NOT_MEASURED]);
  expect(logged.join('\n')).toContain('a warning\nHumanEval was not measured: no network');
});

test("throws the command's own error", async () => {
  await expect(children().ask(z.unknown(), ['fail'])).rejects.toMatchObject({
    code: 'corpus-empty',
    message: 'Nothing here.',
    next: 'Add code.',
  });
});

test("shows it in the editor's language, with its values unchanged", async () => {
  const error: unknown = await children()
    .ask(z.unknown(), ['unreadable'])
    .catch((thrown: unknown) => thrown);
  expect(reportError(error).message).toBe(`The folder ${FOLDER} can't be read: it does not exist.`);
  setLanguage('de', bundleIn('de'));
  expect(translate(reasonOf(error))).toBe(
    `Der Ordner ${FOLDER} kann nicht gelesen werden: es gibt ihn nicht.`,
  );
  setLanguage('en');
});

test('a crash becomes a sentence with the last output', async () => {
  await expect(children().ask(z.object({}), ['crash'])).rejects.toMatchObject({
    code: 'internal',
    message: expect.stringContaining('boom at line 3'),
  });
});

test('an answer of another shape is an internal error', async () => {
  await expect(children().ask(z.object({ missing: z.string() }), ['echo'])).rejects.toMatchObject({
    code: 'internal',
  });
});

test('a missing Node is reported as such', async () => {
  await expect(children(join(dir, 'no-node')).ask(z.unknown(), ['echo'])).rejects.toMatchObject({
    code: 'node-missing',
  });
});

test('aborting asks the child to stop, in a way that also works on Windows, and waits until it has', async () => {
  const stop = new AbortController();
  const answer = children().ask(z.unknown(), ['long'], { signal: stop.signal });
  setTimeout(() => stop.abort(), 100);
  await expect(answer).rejects.toMatchObject({ code: 'cancelled' });
  expect(logged.at(-1)).toBe('asked to stop');
});
