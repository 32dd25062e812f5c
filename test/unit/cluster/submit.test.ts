/** Submitting a job: what is recorded here, whatever happens meanwhile. */
import { mkdir, readdir, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Work } from '../../../src/cluster/job.ts';
import { parseCluster } from '../../../src/cluster/ray/address.ts';
import { RayClient } from '../../../src/cluster/ray/client.ts';
import { readCluster } from '../../../src/cluster/store.ts';
import { prepare, send, type PreparedJob } from '../../../src/cluster/submit.ts';
import { UserError } from '../../../src/text/errors.ts';
import { RayServer } from '../../support/ray-server.ts';
import { useTemporaryHome } from '../runs/help.ts';

vi.mock('../../../src/cluster/bundle.ts', async (original) => ({
  ...(await original<object>()),
  bundlePackage: () => Promise.resolve({ name: 'program.zip', files: [] }),
}));

const home = useTemporaryHome();
let server: RayServer;
let prepared: PreparedJob;
const dir = () => join(home.path(), 'a-run');

beforeEach(async () => {
  server = await new RayServer().start();
  await mkdir(dir(), { recursive: true });
  const work: Work = {
    kind: 'train',
    dir: dir(),
    id: 'a-run',
    base: { id: 'tiny', path: 'tiny.gguf', sha256: '0'.repeat(64) },
    runtime: 'wasm',
    tasks: [],
    needs: { cpus: 1, memoryBytes: 0 },
    storage: null,
    isSent: () => true,
  };
  const nothing = { files: [], bytes: 0 };
  prepared = {
    client: new RayClient({ address: parseCluster(server.url) }),
    work,
    version: '0.0.0',
    bundle: { name: 'program.zip', ...nothing },
    job: { name: 'job.zip', ...nothing },
    uploads: [{ name: 'job.zip', bytes: Buffer.from('a zip') }],
    sends: { program: 0, work: 5 },
  };
});
afterEach(() => server.stop());

it('submits the uploaded package, and records the job', async () => {
  await send(prepared);
  expect([...server.packages.keys()]).toEqual(['job.zip']);
  const file = await readCluster(dir());
  expect(file?.ended).toBeUndefined();
  expect([...server.jobs.keys()]).toEqual([file?.submissionId]);
});

it('stops a job that was submitted while the user cancelled', async () => {
  const stop = new AbortController();
  const reason = new UserError('cancelled', 'Nothing was started.', '');
  server.onSubmit = () => stop.abort(reason);
  await expect(send(prepared, { signal: stop.signal })).rejects.toBe(reason);
  expect([...server.jobs.values()].map(({ status }) => status)).toEqual(['STOPPED']);
  expect((await readCluster(dir()))?.ended).toBe('cancelled');
});

it('attaches to an accepted job even if a proxy failed', async () => {
  const { client } = prepared;
  const submit = client.submit.bind(client);
  client.submit = async (job) => {
    await submit(job);
    throw new UserError('cluster-failed', 'Bad gateway.', '');
  };
  await send(prepared);
  expect((await readCluster(dir()))?.ended).toBeUndefined();
});

it('records no job if it was rejected', async () => {
  prepared.client.submit = () => Promise.reject(new UserError('cluster-failed', 'No such environment.', ''));
  await expect(send(prepared)).rejects.toMatchObject({ code: 'cluster-failed' });
  expect((await readCluster(dir()))?.ended).toBe('failed');
});

it('records the job in each of its runs, with their earlier events', async () => {
  const run = join(home.path(), 'one-run');
  await mkdir(run);
  const runs = [{ task: 'lora', id: 'one-run', dir: run, files: {}, eventsBefore: 3 }];
  await send({ ...prepared, work: { ...prepared.work, kind: 'reproduce', runs } });
  const whole = (await readCluster(dir()))!;
  expect(whole).toMatchObject({ kind: 'reproduce', runs: { lora: 'one-run' } });
  const { submissionId } = whole;
  expect(await readCluster(run)).toMatchObject({ submissionId, reproduction: 'a-run', eventsBefore: 3 });
  prepared.client.submit = () => Promise.reject(new UserError('cluster-failed', 'No such environment.', ''));
  const again = send({ ...prepared, work: { ...prepared.work, kind: 'reproduce', runs } });
  await expect(again).rejects.toMatchObject({ code: 'cluster-failed' });
  expect((await readCluster(run))?.ended).toBe('failed');
});

it('names the models in it, and copies a large base to the storage only when it is sent', async () => {
  const { client, work } = prepared;
  const [path, storage] = [join(home.path(), 'large.gguf'), join(home.path(), 'storage')];
  await writeFile(path, '');
  await truncate(path, 60e6);
  await mkdir(storage);
  await writeFile(join(dir(), 'earlier.gguf'), 'of before');
  server.packages.set('program.zip', Buffer.from('the program'));
  const asked = { ...work, base: { ...work.base, path }, storage };
  const ready = await prepare(client, asked, '0.0.0');
  expect(ready.sends).toMatchObject({
    program: 0,
    base: { name: 'large.gguf', copied: 60e6 },
    adapter: true,
  });
  expect(await readdir(storage)).toEqual([]);
  await send(ready);
  expect((await stat(join(storage, 'bases', `${work.base.sha256}.gguf`))).size).toBe(60e6);
  expect(await readdir(join(storage, 'a-run'))).toEqual(['seen-by-client']);
  // It is not sent twice.
  expect((await prepare(client, asked, '0.0.0')).sends.base).toBeUndefined();

  await truncate(path, 1000);
  const packed = await prepare(client, { ...asked, storage: null }, '0.0.0');
  expect(packed.sends.base).toEqual({ name: 'large.gguf', copied: 0 });
});
