/** Paths that are not regular files: nothing blocks on them, and each is reported in a sentence. */
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readRows } from '../../../src/corpus/datasets/rows.ts';
import { openCorpus } from '../../../src/corpus/index.ts';
import { sourceTexts } from '../../../src/evaluation/scoring/source-texts.ts';
import { addToSummary } from '../../../src/evaluation/metrics/summary.ts';
import { loadProblems } from '../../../src/evaluation/tasks/humaneval.ts';
import { readSafetensors } from '../../../src/weights/safetensors.ts';
import { readAdapterGguf } from '../../../src/weights/index.ts';
import { openGguf } from '../../../src/gguf/index.ts';
import { reportError } from '../../../src/text/errors.ts';
import { NotAFile } from '../../../src/text/not-a-file.ts';
import { openLogSync, openRegular, readText } from '../../../src/platform/files/regular-file.ts';
import { createRun, openRunWriter, readRun, scanRuns } from '../../../src/runs/index.ts';
import { newRun, useTemporaryHome } from '../runs/help.ts';

let dir: string;
let socket: Server;
const at = (name: string) => join(dir, name);
const pipe = (path: string) => execFileSync('mkfifo', [path]);

describe.runIf(process.platform === 'linux')('a path that is not a regular file', () => {
  useTemporaryHome();
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'fmn-regular-'));
    pipe(at('pipe'));
    mkdirSync(at('folder'));
    symlinkSync('loop', at('loop'));
    symlinkSync('/dev/zero', at('device'));
    writeFileSync(at('large'), '');
    truncateSync(at('large'), 2 ** 33);
    socket = createServer();
    await new Promise<void>((done) => socket.listen(at('socket'), done));
  });
  afterAll(() => {
    socket.close();
    rmSync(dir, { recursive: true, force: true });
  });

  const kinds = ['pipe', 'folder', 'loop', 'device', 'socket'];
  it.each(kinds)('a %s is reported at once', async (kind) => {
    const error: unknown = await openRegular(at(kind)).catch((thrown: unknown) => thrown);
    expect(reportError(error)).toMatchObject({
      code: 'not-a-file',
      message: expect.stringContaining(at(kind)) as string,
    });
    await expect(openGguf(at(kind))).rejects.toMatchObject({ code: 'base-not-found' });
    await expect(readAdapterGguf(at(kind))).rejects.toMatchObject({ code: 'adapter-damaged' });
    await expect(readSafetensors(at(kind))).rejects.toThrow();
    for (const name of ['rows.jsonl', 'rows.parquet']) {
      rmSync(at(name), { force: true });
      symlinkSync(at(kind), at(name));
      await expect(readRows(at(name)).next()).rejects.toMatchObject({
        code: expect.stringMatching(/^corpus-/) as string,
      });
    }
  });

  it('a file that is too large is not read', async () => {
    await expect(readText(at('large'))).rejects.toThrow(/8589934592 bytes/);
  });

  it.each(kinds)('a %s among the files of a run hides no other run and blocks nothing', async (kind) => {
    const whole = await createRun(newRun());
    for (const name of ['run.json', 'state.json', 'events.jsonl']) {
      const { dir: run, id } = await createRun(newRun());
      rmSync(join(run, name));
      symlinkSync(at(kind), join(run, name));
      const { runs, damaged } = await scanRuns();
      expect(runs.map(({ dir: found }) => found)).toContain(whole.dir);
      const error = damaged.find((run) => run.id === id)!.error;
      expect(error.code).toMatch(/^(run-damaged|run-not-found|not-a-file)$/);
      await expect(openRunWriter(run)).rejects.toThrow();
      rmSync(run, { recursive: true });
    }
    for (const name of ['exports.jsonl', 'lock', 'stop']) symlinkSync(at(kind), join(whole.dir, name));
    expect((await readRun(whole.dir)).state.status).toBe('queued');
  });

  it.each(kinds)('a %s in place of measurements is replaced by new ones', async (kind) => {
    const { dir: run } = await createRun(newRun());
    mkdirSync(join(run, 'evaluation'));
    symlinkSync(at(kind), join(run, 'evaluation', 'summary.json'));
    const summary = await addToSummary(run, 3, { planned: ['workspace'] });
    expect(summary).toMatchObject({ step: 3, pending: ['workspace'] });
    expect((await readRun(run)).summary).toEqual(summary);
  });

  it.each(kinds)("a %s can't be a log, a text or a list of problems", async (kind) => {
    expect(() => openLogSync(at(kind))).toThrow(NotAFile);
    const source = sourceTexts(at(kind), 1, { onWarning: () => undefined });
    await expect(source).rejects.toMatchObject({ code: 'corpus-unreadable' });
    await expect(loadProblems(at(kind))).rejects.toMatchObject({
      code: 'bad-argument',
      message: expect.stringMatching(/can't be read: it(s| is a) \w+/) as string,
    });
  });

  it('a log is created and appended to', () => {
    for (const word of ['one ', 'two']) {
      const log = openLogSync(at('a.log'));
      writeSync(log, word);
      closeSync(log);
    }
    expect(readFileSync(at('a.log'), 'utf8')).toBe('one two');
  });

  it('a pipe among the files of a corpus is reported', async () => {
    mkdirSync(at('corpus'));
    pipe(at('corpus/summary.json'));
    await expect(openCorpus(at('corpus'))).rejects.toMatchObject({ code: 'run-damaged' });
  });

  it('a folder in place of the lock is removed', async () => {
    const { dir: run } = await createRun(newRun());
    mkdirSync(join(run, 'lock'));
    await (await openRunWriter(run)).close();
  });
});
