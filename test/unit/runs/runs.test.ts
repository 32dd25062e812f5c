import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { once } from 'node:events';
import { open, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { RUN_FORMAT, type RunState } from '../../../src/protocol/run.ts';
import {
  cancelRun,
  endMeasured,
  createRun,
  effectiveStatus,
  findRun,
  followRun,
  isAlive,
  isStopRequested,
  listRuns,
  openRunWriter,
  readRun,
  scanRuns,
} from '../../../src/runs/index.ts';
import { processMark, processStart } from '../../../src/runs/processes.ts';
import { makeTemporaryFolder } from '../../../src/runs/temporary-folders.ts';
import { deadPid, learnedFromUse, newRun, setState, stepEvent, useTemporaryHome } from './help.ts';

const home = useTemporaryHome();
const json = (path: string) => JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;

describe('createRun', () => {
  it('makes a complete, queued run with a readable name and leaves nothing else', async () => {
    const { dir, id } = await createRun(newRun());
    expect(id).toMatch(/^\d{8}-\d{6}-lora-smollm2-135m-[0-9a-f]{4}$/);
    expect(readdirSync(join(home.path(), 'runs'))).toEqual([id]);
    expect(json(join(dir, 'run.json'))).toMatchObject({ format: 1, id, name: 'demo' });
    expect(json(join(dir, 'state.json'))).toEqual({ status: 'queued', step: 0, steps: 30 });
  });

  it('removes leftovers of a killed process', async () => {
    const runs = join(home.path(), 'runs');
    const other = basename(await makeTemporaryFolder(runs, 'new'));
    const left = other.replace(processMark(), `${deadPid}-1`);
    mkdirSync(join(runs, left));
    const { id } = await createRun(newRun());
    expect(readdirSync(runs).sort()).toEqual([other, id]);
  });

  it('makes a folder name from any base', async () => {
    const base = { ...newRun().base, id: 'Some Owner/Böse: Modell*.gguf' };
    expect((await createRun(newRun({ base }))).id).toMatch(/-lora-b-se-modell-[0-9a-f]{4}$/);
  });
});

describe('openRunWriter', () => {
  it('writes events with the time, and the state with owner and heartbeat, and clears both at the end', async () => {
    const { dir } = await createRun(newRun());
    const writer = await openRunWriter(dir);
    await Promise.all([
      writer.event({ type: 'phase', phase: 'Training' }),
      writer.event(stepEvent(1)),
      writer.event(stepEvent(2)),
    ]);
    await writer.state({ status: 'running', step: 2, phase: 'Training' });
    const running = await readRun(dir);
    expect(running.events.map((event) => (event.type === 'step' ? event.step : event.type))).toEqual([
      'phase',
      1,
      2,
    ]);
    expect(Date.parse(running.events[0]!.time)).not.toBeNaN();
    expect(running.state).toMatchObject({ status: 'running', step: 2, pid: process.pid });
    expect(isAlive(running.state)).toBe(true);

    await writer.state({ status: 'done', phase: undefined });
    await writer.close();
    expect(json(join(dir, 'state.json'))).toEqual({ status: 'done', step: 2, steps: 30 });
    expect(readdirSync(dir).sort()).toEqual(['events.jsonl', 'run.json', 'state.json']);
    await expect(writer.state({ step: 3 })).rejects.toThrow();
  });

  it('keeps the heart beating while the main thread is busy', async () => {
    const { dir } = await createRun(newRun());
    const writer = await openRunWriter(dir);
    const heartbeat = () => Date.parse(json(join(dir, 'state.json'))['heartbeat'] as string);
    const first = heartbeat();
    // Nothing else runs on this thread here.
    for (const until = Date.now() + 15_000; heartbeat() === first && Date.now() < until;);
    expect(heartbeat()).toBeGreaterThan(first);
    await writer.close();
  });

  it('removes what a killed owner left half-written, and nothing that other processes write', async () => {
    const { dir } = await createRun(newRun());
    const left = [
      `state.json.${deadPid}.tmp`,
      `model.gguf.${deadPid}.tmp`,
      'earlier.gguf.tmp',
      'corpus/all.tokens.tmp',
      `evaluation/summary.json.${deadPid}-ab12.tmp`,
      'checkpoints/step-000005.tmp/state.json',
      `lock.${deadPid}-ab12.tmp`,
    ];
    const [kept, whole] = [
      `evaluation/summary.json.${process.ppid}-ab12.tmp`,
      'checkpoints/step-000004/state.json',
    ];
    for (const name of [...left, kept, whole]) {
      mkdirSync(dirname(join(dir, name)), { recursive: true });
      writeFileSync(join(dir, name), '{}');
    }
    await (await openRunWriter(dir)).close();
    const found = [...left, kept, whole].filter((name) => existsSync(join(dir, name)));
    expect(found).toEqual([kept, whole]);
    expect(existsSync(join(dir, 'checkpoints/step-000005.tmp'))).toBe(false);
  });

  it('leaves no partial line if the disk was full', async () => {
    const { dir } = await createRun(newRun());
    const writer = await openRunWriter(dir);
    await writer.event({ type: 'phase', phase: 'Training' });
    const file = await open(join(dir, 'run.json'));
    const append = vi.spyOn(Object.getPrototypeOf(file) as FileHandle, 'appendFile');
    await file.close();
    append.mockImplementationOnce(async function (this: FileHandle, line) {
      await this.write(String(line).slice(0, 20));
      throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
    });
    await expect(writer.event(stepEvent(1))).rejects.toThrow('ENOSPC');
    append.mockRestore();
    await writer.event({ type: 'error', code: 'disk-full', message: 'The disk is full.', next: '' });
    await writer.close();
    const { events, brokenLines } = await readRun(dir);
    expect(brokenLines).toBe(0);
    expect(events.map(({ type }) => type)).toEqual(['phase', 'error']);
  });

  it('rejects a second owner, also in the same process', async () => {
    const { dir } = await createRun(newRun());
    const writer = await openRunWriter(dir);
    await expect(openRunWriter(dir)).rejects.toMatchObject({ code: 'run-locked' });
    await writer.close();
    await (await openRunWriter(dir)).close();
  });

  it('takes over from a dead owner, only one of many at a time', async () => {
    const { dir } = await createRun(newRun());
    writeFileSync(join(dir, 'lock'), JSON.stringify({ pid: deadPid, token: 'old' }));
    const results = await Promise.allSettled(Array.from({ length: 6 }, () => openRunWriter(dir)));
    const owners = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    expect(owners).toHaveLength(1);
    for (const result of results)
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'run-locked' });
    await owners[0]!.close();
  });

  it.runIf(process.platform === 'linux')(
    'takes over when the pid now belongs to another process',
    async () => {
      const { dir } = await createRun(newRun());
      writeFileSync(
        join(dir, 'lock'),
        JSON.stringify({ pid: process.pid, started: 'an earlier boot:1', token: 'old' }),
      );
      await (await openRunWriter(dir)).close();
    },
  );

  it.runIf(process.platform !== 'win32').each([
    ['a stranger', process.ppid],
    ['everyone', -1],
    ['this group', 0],
  ])('takes over a lock that names %s and no start, and never signals it', async (_, pid) => {
    const kill = vi.spyOn(process, 'kill');
    const { dir } = await createRun(newRun());
    writeFileSync(join(dir, 'lock'), JSON.stringify({ pid, token: 'old' }));
    expect(await cancelRun(dir)).toBe('cancelled');
    expect(kill.mock.calls.filter(([, signal]) => signal !== 0)).toEqual([]);
    kill.mockRestore();
    await (await openRunWriter(dir)).close();
  });

  it('takes over a damaged lock', async () => {
    const { dir } = await createRun(newRun());
    writeFileSync(join(dir, 'lock'), '{"pi');
    await (await openRunWriter(dir)).close();
  });

  it("truncates a killed owner's partial line and keeps a complete one", async () => {
    const { dir } = await createRun(newRun());
    const line = JSON.stringify({ time: 'T', ...stepEvent(1) });
    writeFileSync(join(dir, 'events.jsonl'), `${line}\n{"type":"st`);
    let writer = await openRunWriter(dir);
    await writer.event(stepEvent(2));
    await writer.close();
    writeFileSync(join(dir, 'events.jsonl'), readFileSync(join(dir, 'events.jsonl'), 'utf8').trimEnd());
    writer = await openRunWriter(dir);
    await writer.event(stepEvent(3));
    await writer.close();
    const { events, brokenLines } = await readRun(dir);
    expect(events.map((event) => event.type === 'step' && event.step)).toEqual([1, 2, 3]);
    expect(brokenLines).toBe(0);
  });

  it('clears the last error once the run continues', async () => {
    const { dir } = await createRun(newRun());
    setState(dir, {
      status: 'failed',
      step: 3,
      steps: 30,
      error: { code: 'disk-full', message: 'm', next: 'n' },
    });
    const writer = await openRunWriter(dir);
    expect(json(join(dir, 'state.json'))).toHaveProperty('error');
    await writer.state({ status: 'running' });
    expect(json(join(dir, 'state.json'))).not.toHaveProperty('error');
    await writer.close();
  });
});

describe('readRun', () => {
  it('counts broken lines and ignores an incomplete one at the end', async () => {
    const { dir } = await createRun(newRun());
    const line = (step: number) => JSON.stringify({ time: 'T', ...stepEvent(step) });
    writeFileSync(
      join(dir, 'events.jsonl'),
      `${line(1)}\nnot json\n{"type":"unheard-of","time":"T"}\n${line(2)}\n${line(3).slice(0, 20)}`,
    );
    const { events, brokenLines } = await readRun(dir);
    expect(events).toHaveLength(2);
    expect(brokenLines).toBe(2);
  });

  it('includes the summaries that exist and are readable', async () => {
    const { dir } = await createRun(newRun());
    mkdirSync(join(dir, 'corpus'));
    mkdirSync(join(dir, 'evaluation'));
    writeFileSync(
      join(dir, 'corpus', 'summary.json'),
      JSON.stringify({ kept: 3, leftOut: { binary: 1 }, trainTokens: 10, heldOutTokens: 2, more: 1 }),
    );
    writeFileSync(join(dir, 'evaluation', 'summary.json'), '{"step":');
    const snapshot = await readRun(dir);
    expect(snapshot.corpus).toEqual({ kept: 3, leftOut: { binary: 1 }, trainTokens: 10, heldOutTokens: 2 });
    expect(snapshot.summary).toBeUndefined();
  });

  it('opens a run of an earlier version that learned from recorded completions', async () => {
    const { dir } = await createRun(newRun());
    const writer = await openRunWriter(dir);
    await writer.event(stepEvent(1));
    await writer.close();
    learnedFromUse(dir);
    const { spec, events, brokenLines } = await readRun(dir);
    expect(spec).not.toHaveProperty('preferences');
    expect(events.map(({ type }) => type)).toEqual(['step', 'preferences']);
    expect(brokenLines).toBe(0);
  });

  it('has a separate format for several folders, and the old one for one', async () => {
    const folders = ['api', 'web'].map((name) => ({ path: `/home/me/${name}`, name }));
    const first = await createRun(newRun());
    const several = await createRun({ ...newRun(), folder: '/home/me/api', folders });
    expect(json(join(first.dir, 'run.json'))).toMatchObject({ format: 1 });
    expect(json(join(first.dir, 'run.json'))).not.toHaveProperty('folders');
    expect((await readRun(several.dir)).spec).toMatchObject({ format: 2, folder: '/home/me/api', folders });
  });

  it('rejects a newer format, damage and what is not a run, naming each', async () => {
    const { dir } = await createRun(newRun());
    const spec = json(join(dir, 'run.json'));
    writeFileSync(
      join(dir, 'run.json'),
      JSON.stringify({ ...spec, format: RUN_FORMAT + 1, hyper: 'something new' }),
    );
    await expect(readRun(dir)).rejects.toMatchObject({ code: 'run-newer' });
    await expect(openRunWriter(dir)).rejects.toMatchObject({ code: 'run-newer' });
    writeFileSync(join(dir, 'run.json'), JSON.stringify({ ...spec, hyper: 7 }));
    await expect(readRun(dir)).rejects.toMatchObject({
      code: 'run-damaged',
      message: expect.stringContaining('hyper') as string,
    });
    writeFileSync(join(dir, 'run.json'), '{"format":');
    await expect(readRun(dir)).rejects.toMatchObject({ code: 'run-damaged' });
    writeFileSync(join(dir, 'run.json'), JSON.stringify(spec));
    writeFileSync(join(dir, 'state.json'), '{}');
    await expect(readRun(dir)).rejects.toMatchObject({ code: 'run-damaged' });
    await expect(readRun(home.path())).rejects.toMatchObject({ code: 'run-not-found' });
  });
});

describe('a run without its owner', () => {
  const state: RunState = {
    status: 'running',
    step: 3,
    steps: 30,
    pid: process.pid,
    heartbeat: new Date().toISOString(),
  };
  const spec = { createdAt: new Date().toISOString() };
  const statusOf = (state: RunState) => effectiveStatus({ spec, state });

  it('is interrupted if the process is gone or silent', () => {
    expect(statusOf({ ...state, heartbeat: new Date().toISOString() })).toBe('running');
    expect(statusOf({ ...state, pid: deadPid, heartbeat: new Date().toISOString() })).toBe('interrupted');
    expect(statusOf({ ...state, heartbeat: new Date(Date.now() - 60_000).toISOString() })).toBe(
      'interrupted',
    );
    expect(statusOf({ status: 'evaluating', step: 3, steps: 30 })).toBe('interrupted');
    expect(statusOf({ ...state, heartbeat: 'no time' })).toBe('interrupted');
    expect(statusOf({ status: 'done', step: 30, steps: 30 })).toBe('done');
    expect(statusOf({ status: 'queued', step: 0, steps: 30 })).toBe('queued');
  });

  it.runIf(process.platform !== 'win32').each([
    ['long ago, as when a machine has slept', -8 * 3600],
    ['in the future, as when the clock was set back', 3600],
  ])('is running while its process is the one that started it, whatever its heartbeat: %s', (_, seconds) => {
    const heartbeat = new Date(Date.now() + 1000 * seconds).toISOString();
    const pidStarted = processStart(process.pid);
    expect(statusOf({ ...state, pidStarted, heartbeat })).toBe('running');
    expect(statusOf({ ...state, pidStarted: 'another:1', heartbeat })).toBe('interrupted');
  });

  it('is interrupted if its heartbeat is further in the future than clocks are set back', () => {
    const ahead = (seconds: number) => new Date(Date.now() + seconds * 1000).toISOString();
    expect(statusOf({ ...state, heartbeat: ahead(2) })).toBe('running');
    expect(statusOf({ ...state, heartbeat: ahead(60) })).toBe('interrupted');
    expect(statusOf({ ...state, heartbeat: '2999-01-01T00:00:00.000Z' })).toBe('interrupted');
  });

  it.runIf(process.platform === 'linux')('is interrupted if its pid now belongs to another process', () => {
    const now = { ...state, heartbeat: new Date().toISOString() };
    expect(statusOf({ ...now, pidStarted: processStart(process.pid)! })).toBe('running');
    expect(statusOf({ ...now, pidStarted: 'an earlier boot:1' })).toBe('interrupted');
  });

  it('is judged by its heartbeat alone if its process is on another machine or in another container', () => {
    const elsewhere = { ...state, machine: '0123456789ab', pidStarted: processStart(process.pid) };
    const at = (time: number) => new Date(time).toISOString();
    expect(statusOf({ ...elsewhere, pid: deadPid, heartbeat: at(Date.now()) })).toBe('running');
    expect(statusOf({ ...elsewhere, heartbeat: at(Date.now() - 60_000) })).toBe('interrupted');
  });

  it('is done if it has its result, whether it is cancelled or measured by another process', async () => {
    for (const end of [cancelRun, endMeasured]) {
      const { dir } = await createRun(newRun());
      const measuring = { ...state, status: 'evaluating', pid: deadPid, phase: 'HumanEval' } as const;
      setState(dir, measuring);
      await endMeasured(dir);
      expect((await readRun(dir)).state.status).toBe('evaluating');
      writeFileSync(join(dir, 'adapter.gguf'), '');
      expect(await end(dir)).toBe(end === cancelRun ? 'over' : undefined);
      expect(json(join(dir, 'state.json'))).toEqual({ status: 'done', step: 3, steps: 30 });
      expect(readdirSync(dir)).not.toContain('lock');
      setState(dir, measuring);
      const writer = await openRunWriter(dir);
      await endMeasured(dir);
      expect((await readRun(dir)).state.status).toBe('evaluating');
      await writer.close();
    }
  });

  it('is cancelled at once, unless it is over', async () => {
    const { dir } = await createRun(newRun());
    setState(dir, { ...state, pid: deadPid, phase: 'Training' });
    expect(await cancelRun(dir)).toBe('cancelled');
    expect(json(join(dir, 'state.json'))).toEqual({ status: 'cancelled', step: 3, steps: 30 });
    expect(readdirSync(dir)).not.toContain('lock');
    setState(dir, { status: 'done', step: 30, steps: 30 });
    expect(await cancelRun(dir)).toBe('over');
    expect((await readRun(dir)).state.status).toBe('done');
  });
});

describe('asking an owner to stop', () => {
  /** As on a system without signals. */
  async function cancelOnWindows(dir: string) {
    const kill = vi.spyOn(process, 'kill');
    const cancelled = await cancelRun(dir, 'win32');
    expect(kill.mock.calls.filter(([, signal]) => signal !== 0)).toEqual([]);
    kill.mockRestore();
    return cancelled;
  }

  it('only needs a file, which the owner removes at its end', async () => {
    const { dir } = await createRun(newRun());
    const writer = await openRunWriter(dir);
    expect(await cancelOnWindows(dir)).toBe('asked');
    await once(writer.stopped, 'abort');
    expect(readdirSync(dir)).toContain('stop');
    await writer.close();
    expect(readdirSync(dir)).not.toContain('stop');
  });

  it('sends the signal even if the file cannot be written', async () => {
    const { dir } = await createRun(newRun());
    const writer = await openRunWriter(dir);
    mkdirSync(join(dir, 'stop'));
    const kill = vi.spyOn(process, 'kill').mockReturnValue(true);
    onTestFinished(() => kill.mockRestore());
    await expect(cancelRun(dir, 'linux')).rejects.toThrow();
    expect(kill).toHaveBeenCalledWith(process.pid, 'SIGTERM');
    rmdirSync(join(dir, 'stop'));
    await writer.close();
  });

  it('signals no process here if the owner is on another machine or in another container', async () => {
    const { dir } = await createRun(newRun());
    const owner = { pid: process.pid, machine: '0123456789ab', token: 'theirs' };
    writeFileSync(join(dir, 'lock'), JSON.stringify(owner));
    const kill = vi.spyOn(process, 'kill').mockReturnValue(true);
    onTestFinished(() => kill.mockRestore());
    expect(await cancelRun(dir, 'linux')).toBe('asked');
    expect(kill).not.toHaveBeenCalled();
    expect(readFileSync(join(dir, 'stop'), 'utf8')).toBe('theirs');
  });

  it('does not reach the next owner', async () => {
    const { dir } = await createRun(newRun());
    const first = await openRunWriter(dir);
    await cancelOnWindows(dir);
    const stale = readFileSync(join(dir, 'stop'));
    await first.close();
    // The first owner was killed before it could remove the file.
    writeFileSync(join(dir, 'stop'), stale);
    const next = await openRunWriter(dir);
    await sleep(600);
    expect(next.stopped.aborted).toBe(false);
    expect(await isStopRequested(dir)).toBe(false);
    await cancelOnWindows(dir);
    // At once, before its own next poll.
    expect(await isStopRequested(dir)).toBe(true);
    if (!next.stopped.aborted) await once(next.stopped, 'abort');
    await next.close();
  });
});

describe('listing and finding', () => {
  async function three() {
    const made = [];
    for (const [index, name] of ['old', 'middle', 'new'].entries()) {
      const { dir, id } = await createRun(newRun({ name }));
      const createdAt = new Date(Date.UTC(2026, 0, 1 + index)).toISOString();
      writeFileSync(join(dir, 'run.json'), JSON.stringify({ ...json(join(dir, 'run.json')), createdAt }));
      made.push({ dir, id });
    }
    return made;
  }

  it('lists the newest first and damaged runs separately', async () => {
    const [old] = await three();
    expect((await listRuns()).map(({ spec }) => spec.name)).toEqual(['new', 'middle', 'old']);
    writeFileSync(join(old!.dir, 'state.json'), 'x');
    mkdirSync(join(home.path(), 'runs', 'stray'));
    const { runs, damaged } = await scanRuns();
    expect(runs.map(({ snapshot }) => snapshot.spec.name)).toEqual(['new', 'middle']);
    expect(Object.fromEntries(damaged.map(({ id, error }) => [id, error.code]))).toEqual({
      [old!.id]: 'run-damaged',
      stray: 'run-not-found',
    });
  });

  it('is empty without a data directory', async () => {
    expect(await listRuns()).toEqual([]);
    await expect(findRun('latest')).rejects.toMatchObject({
      code: 'run-not-found',
      message: 'There are no runs yet.',
      next: 'Start one with {train}.',
    });
  });

  it('finds by id, prefix, path and latest, and suggests similar ones', async () => {
    const [old, middle, newest] = await three();
    expect(await findRun(old!.id)).toBe(old!.dir);
    expect(await findRun(middle!.dir)).toBe(middle!.dir);
    expect(await findRun('latest')).toBe(newest!.dir);
    const { dir, id } = await createRun(newRun({ hyper: { ...newRun().hyper, method: 'full' } }));
    expect(await findRun(id.slice(0, 18))).toBe(dir);
    await expect(findRun(id.slice(0, 9))).rejects.toMatchObject({
      code: 'run-not-found',
      message: expect.stringContaining('4 run ids') as string,
    });
    const wrong = `${id.slice(0, -1)}x`;
    await expect(findRun(wrong)).rejects.toMatchObject({
      code: 'run-not-found',
      next: expect.stringContaining(`Similar ids: ${id}`) as string,
    });
    await expect(findRun('')).rejects.toMatchObject({ code: 'run-not-found' });
  });
});

describe('followRun', () => {
  it('shows the current state and every change, in whole lines only, until told to stop', async () => {
    const { dir } = await createRun(newRun());
    const stop = new AbortController();
    const seen: number[] = [];
    let next: (count: number) => void = () => undefined;
    const following = followRun(
      dir,
      ({ events }) => {
        seen.push(events.length);
        next(events.length);
      },
      stop.signal,
    );
    const until = (count: number) =>
      new Promise<void>((resolve) => (next = (now) => now >= count && resolve()));
    const line = (step: number) => `${JSON.stringify({ time: 'T', ...stepEvent(step) })}\n`;
    let reached = until(1);
    appendFileSync(join(dir, 'events.jsonl'), line(1) + line(2).slice(0, 30));
    await reached;
    reached = until(2);
    appendFileSync(join(dir, 'events.jsonl'), line(2).slice(30));
    await reached;
    stop.abort();
    await following;
    expect(seen.at(-1)).toBe(2);
    expect([...seen].sort()).toEqual(seen);
  });

  it('reports when the owner is found dead', async () => {
    // However busy the machine is, only the time set here passes.
    vi.useFakeTimers({ toFake: ['Date'] });
    const { dir } = await createRun(newRun());
    const heartbeat = new Date().toISOString();
    setState(dir, { status: 'running', step: 1, steps: 30, pid: process.pid, heartbeat });
    const stop = new AbortController();
    const statuses: string[] = [];
    await followRun(
      dir,
      (run) => {
        statuses.push(effectiveStatus(run));
        vi.setSystemTime(Date.now() + 16_000);
        if (statuses.length === 2) stop.abort();
      },
      stop.signal,
    );
    vi.useRealTimers();
    expect(statuses).toEqual(['running', 'interrupted']);
  });

  it('shows a silent run as interrupted even if the clock was set back', async () => {
    const { dir } = await createRun(newRun());
    const stop = new AbortController();
    const steady = vi.spyOn(performance, 'now').mockReturnValue(0);
    const clock = vi.spyOn(Date, 'now').mockReturnValue(1e12);
    onTestFinished(() => void vi.restoreAllMocks());
    let shown = 0;
    await followRun(
      dir,
      () => {
        shown += 1;
        clock.mockReturnValue(1e12 - 3600_000);
        steady.mockReturnValue(6000);
        if (shown === 2) stop.abort();
      },
      stop.signal,
    );
    expect(shown).toBe(2);
  });

  it('rejects what is not a run', async () => {
    await expect(followRun(home.path(), () => undefined, new AbortController().signal)).rejects.toMatchObject(
      { code: 'run-not-found' },
    );
  });
});
