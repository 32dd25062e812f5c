/** A window's second scan of the runs reads only what is new. */
import {
  appendFileSync,
  cpSync,
  readFileSync,
  renameSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import type * as Files from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, it, vi } from 'vitest';
import { createRun, openRunWriter, readSpec, RunCache } from '../../../src/runs/index.ts';
import { newRun, stepEvent, useTemporaryHome } from './help.ts';

const read = vi.hoisted(() => ({ bytes: 0 }));

/** Counts the bytes read, by any function. */
vi.mock('node:fs/promises', async (original) => {
  const files = await original<typeof Files>();
  return {
    ...files,
    async readFile(...args: Parameters<typeof Files.readFile>) {
      const content = await files.readFile(...args);
      read.bytes += Buffer.byteLength(content);
      return content;
    },
    async open(...args: Parameters<typeof Files.open>) {
      const handle = await files.open(...args);
      const plain = handle.read.bind(handle) as (...all: unknown[]) => Promise<{ bytesRead: number }>;
      handle.read = (async (...all: unknown[]) => {
        const result = await plain(...all);
        read.bytes += result.bytesRead;
        return result;
      }) as typeof handle.read;
      return handle;
    },
  };
});

useTemporaryHome();
beforeEach(() => (read.bytes = 0));

const line = (step: number, loss = 2) =>
  `${JSON.stringify({ time: '2026-01-01T00:00:00Z', ...stepEvent(step, loss) })}\n`;
const lines = (count: number) => Array.from({ length: count }, (_, at) => line(at + 1)).join('');

async function oneRun(count = 500) {
  const { dir, id } = await createRun(newRun());
  const events = join(dir, 'events.jsonl');
  writeFileSync(events, lines(count));
  const shelf = new RunCache();
  const look = async () => {
    read.bytes = 0;
    const { runs } = await shelf.scan((other) => other === id);
    return { snapshot: runs[0]!.snapshot, bytes: read.bytes };
  };
  return { id, events, shelf, look };
}
const steps = ({ snapshot }: { snapshot: { events: object[] } }) =>
  snapshot.events.flatMap((event) => ('step' in event ? [event.step] : []));

it('reads nothing that did not change, and returns the same object', async () => {
  const { look, events } = await oneRun();
  const first = await look();
  expect(first.bytes).toBeGreaterThan(statSync(events).size);
  expect(first.snapshot.events).toHaveLength(500);
  const second = await look();
  expect(second.bytes).toBe(0);
  expect(second.snapshot).toBe(first.snapshot);
});

it('reads what was appended, and leaves an incomplete line for later', async () => {
  const { look, events } = await oneRun();
  await look();
  const [whole, half] = [line(501), line(502)];
  appendFileSync(events, whole + half.slice(0, 20));
  const grown = await look();
  expect(steps(grown)).toHaveLength(501);
  // The end of the known part is read once more, to check that the file is the same.
  expect(grown.bytes).toBeLessThanOrEqual(whole.length + 20 + 512);
  expect((await look()).bytes).toBe(0);
  appendFileSync(events, half.slice(20));
  expect(steps(await look()).slice(-2)).toEqual([501, 502]);
});

it('rereads a file that was truncated, replaced or overwritten', async () => {
  const { look, events } = await oneRun();
  await look();
  writeFileSync(events, lines(3));
  expect(steps(await look())).toEqual([1, 2, 3]);

  writeFileSync(`${events}.new`, line(7) + line(8) + line(9) + line(10));
  renameSync(`${events}.new`, events);
  expect(steps(await look())).toEqual([7, 8, 9, 10]);

  // In place, with the same length.
  const other = readFileSync(events, 'utf8').replaceAll('"step":10', '"step":99');
  writeFileSync(events, other);
  utimesSync(events, new Date(), new Date(Date.now() + 5000));
  expect(steps(await look())).toEqual([7, 8, 9, 99]);
});

it('has the learning rate that a run settled on, even if its events are not read', async () => {
  const { id, dir } = await createRun(newRun());
  const shelf = new RunCache();
  const scan = async () => (await shelf.scan(() => false)).runs[0]!.snapshot.spec;
  const { hyper } = await scan();
  const writer = await openRunWriter(dir);
  await writer.state({ learningRate: { rate: 7e-5, why: 'measured' } });
  await writer.close();
  expect(await scan()).toMatchObject({
    id,
    hyper: { ...hyper, learningRate: 7e-5 },
    learningRateReason: 'measured',
  });
});

it('keeps events only for the selected runs', async () => {
  const { id, events, shelf } = await oneRun();
  const other = await createRun(newRun({ name: 'other' }));
  writeFileSync(join(other.dir, 'events.jsonl'), lines(2000));
  const counts = async (wanted: string) => {
    read.bytes = 0;
    const { runs } = await shelf.scan((other) => other === wanted);
    return Object.fromEntries(runs.map(({ snapshot }) => [snapshot.spec.id, snapshot.events.length]));
  };
  expect(await counts(id)).toEqual({ [id]: 500, [other.id]: 0 });
  const size = statSync(events).size;
  expect(read.bytes).toBeGreaterThan(size);
  expect(read.bytes).toBeLessThan(size + 20_000);
  expect(await counts(other.id)).toEqual({ [id]: 0, [other.id]: 2000 });
  expect(await counts(other.id)).toEqual({ [id]: 0, [other.id]: 2000 });
  expect(read.bytes).toBe(0);
});

it('skips the given runs, and rereads a run that replaced another', async () => {
  const { id, shelf, look } = await oneRun(2);
  await look();
  expect(
    (
      await shelf.scan(
        () => true,
        (other) => other === id,
      )
    ).runs,
  ).toEqual([]);
  const { dir } = await createRun(newRun({ name: 'second' }));
  const spec = JSON.parse(readFileSync(join(dir, 'run.json'), 'utf8')) as object;
  writeFileSync(join(dir, 'run.json'), JSON.stringify({ ...spec, name: 'renamed' }));
  const names = async () => (await shelf.scan(() => false)).runs.map(({ snapshot }) => snapshot.spec.name);
  expect(await names()).toContain('renamed');
  writeFileSync(join(dir, 'run.json'), JSON.stringify({ ...spec, name: 'renamed again' }));
  expect(await names()).toContain('renamed again');
});

it('takes the id of a copied or renamed run from its folder', async () => {
  const { id, dir } = await createRun(newRun());
  cpSync(dir, `${dir}-copy`, { recursive: true });
  const ids = async () =>
    (await new RunCache().scan(() => true)).runs.map(({ snapshot }) => snapshot.spec.id).sort();
  expect(await ids()).toEqual([id, `${id}-copy`]);
  renameSync(dir, join(dir, '..', 'renamed'));
  expect(await ids()).toEqual([`${id}-copy`, 'renamed']);
  // As in a publication, outside the runs.
  const elsewhere = join(dir, '..', '..', 'run');
  cpSync(`${dir}-copy`, elsewhere, { recursive: true });
  expect((await readSpec(elsewhere)).id).toBe(id);
});
