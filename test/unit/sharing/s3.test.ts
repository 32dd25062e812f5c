import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readRun } from '../../../src/runs/index.ts';
import { s3Settings } from '../../../src/sharing/stores/s3-address.ts';
import { S3Store } from '../../../src/sharing/stores/s3-store.ts';
import { placeOf } from '../../../src/sharing/stores/store.ts';
import { S3Server } from '../../support/s3-server.ts';
import { useDesk } from './help.ts';

const desk = useDesk();
const credentials = { accessKeyId: 'key', secretAccessKey: 'very-secret', sessionToken: 'session' };
const options = { credentials, region: 'eu-central-1', bucket: 'team-bucket' };
let dir: string;
let server: S3Server;
beforeAll(async () => {
  dir = await desk.makeRun();
});
beforeEach(async () => {
  desk.switchTo('alice');
  server = await S3Server.start(options);
});
afterEach(() => server.stop());

const env = (patch: Record<string, string | undefined> = {}) => ({
  AWS_ACCESS_KEY_ID: 'key',
  AWS_SECRET_ACCESS_KEY: 'very-secret',
  AWS_SESSION_TOKEN: 'session',
  AWS_REGION: 'eu-central-1',
  AWS_ENDPOINT_URL: server.url,
  ...patch,
});
const open = (patch = {}, address = 's3://team-bucket/adapters/ours') => new S3Store(address, env(patch));

describe('a bucket', () => {
  it("stores and returns an adapter; Amazon's own signer agrees with every signature", async () => {
    const sha256 = await desk.publish(dir, open());
    expect([...server.objects.keys()].filter((key) => !key.startsWith('adapters/ours/demo/1/'))).toEqual([]);
    // The manifest comes last: a version that has one is complete.
    expect([...server.objects.keys()].at(-1)).toMatch(/manifest\.json$/);
    desk.switchTo('bob');
    const { dir: fetched } = await desk.fetch(open(), { name: 'demo', sha256 });
    expect((await readRun(fetched)).spec.fetched).toMatchObject({ from: 's3://team-bucket/adapters/ours' });
  });

  it('lists names and versions across several pages', async () => {
    for (const key of ['b/1', 'a/1', 'a/10', 'a/9', 'a/x', 'c/1', '.hidden/1'])
      server.objects.set(`adapters/ours/${key}/manifest.json`, Buffer.from('{}'));
    expect(await open().names()).toEqual(['a', 'b', 'c']);
    expect(await open().versions('a')).toEqual([1, 9, 10]);
    expect(await open({}, 's3://team-bucket').names()).toEqual(['adapters']);
  });

  it('never replaces a version', async () => {
    const late = open();
    late.versions = () => Promise.resolve([]);
    await desk.publish(dir, open());
    const before = new Map(server.objects);
    await expect(desk.publish(dir, late)).rejects.toMatchObject({ code: 'bad-argument' });
    expect(server.objects).toEqual(before);
  });

  it('recognises our own file if the answer to its upload was lost', async () => {
    server.lost = 3;
    await desk.publish(dir, open());
    desk.switchTo('bob');
    await desk.fetch(open(), { name: 'demo' });
    // The other way round: the file there was written by another publisher.
    desk.switchTo('alice');
    server.lost = 1;
    server.onLost = (key) => server.objects.set(key, Buffer.from('of somebody else'));
    await expect(desk.publish(dir, open())).rejects.toMatchObject({
      code: 'bad-argument',
      message: expect.stringContaining('somebody published it') as string,
    });
  });

  it('is retried while it is still writing an earlier upload', async () => {
    server.failures.push(409);
    const store = open();
    store.versions = () => Promise.resolve([]);
    await desk.publish(dir, store);
    expect(await open().versions('demo')).toEqual([1]);
  });

  it('without conditional writes is written to all the same', async () => {
    await server.stop();
    server = await S3Server.start({ ...options, unconditional: true });
    await desk.publish(dir, open());
    expect(await open().versions('demo')).toEqual([1]);
  });

  it('is read no further than the manifest says', async () => {
    const sha256 = await desk.publish(dir, open());
    const key = 'adapters/ours/demo/1/adapter.gguf';
    const { length } = server.objects.get(key)!;
    server.objects.set(key, Buffer.alloc(length + 8_000_000));
    desk.switchTo('bob');
    let most = 0;
    const store = open();
    const download = store.download.bind(store);
    store.download = (place, to, transfer) =>
      download(place, to, {
        ...transfer,
        onBytes: (done) => {
          most = Math.max(most, done);
          transfer.onBytes?.(done);
        },
      });
    await expect(desk.fetch(store, { name: 'demo', sha256 })).rejects.toMatchObject({
      code: 'adapter-damaged',
      message: expect.stringContaining('more than its') as string,
    });
    expect(most).toBeLessThan(length + 8_000_000);
  });

  it("gives a session's token to no other host", async () => {
    const sha256 = await desk.publish(dir, open());
    const other = await S3Server.start(options);
    server.redirect = `${other.url}/elsewhere`;
    desk.switchTo('bob');
    const error: unknown = await open()
      .download({ name: 'demo', version: 1, path: 'run.json' }, desk.at('run.json'), {})
      .catch((thrown: unknown) => thrown);
    await other.stop();
    expect(error).toMatchObject({
      code: 'store-refused',
      next: expect.stringContaining('AWS_REGION') as string,
    });
    expect(other.requests).toEqual([]);
    server.redirect = undefined;
    await desk.fetch(open(), { name: 'demo', sha256 });
  });

  it('is retried if busy', async () => {
    server.failures.push(503, 500);
    expect(await open().names()).toEqual([]);
    expect(server.requests).toHaveLength(3);
  });
});

describe('a bucket rejects, in a sentence,', () => {
  it.each([
    ['a wrong secret', { AWS_SECRET_ACCESS_KEY: 'guessed' }, /SignatureDoesNotMatch: .*"yours"\)/],
    ['a wrong region', { AWS_REGION: 'us-west-2' }, /SignatureDoesNotMatch/],
  ])('%s', async (_, patch, words) => {
    const error: unknown = await open(patch)
      .names()
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'store-refused' });
    expect((error as Error).message).toMatch(words);
    expect((error as Error).message).not.toContain('guessed');
  });
  it('access if it does not exist', () =>
    expect(open({}, 's3://other-bucket').names()).rejects.toMatchObject({
      code: 'store-refused',
      message: expect.stringContaining('NoSuchBucket') as string,
    }));
  it('access if no server is listening', async () => {
    const store = open();
    await server.stop();
    await expect(store.names()).rejects.toMatchObject({ code: 'network' });
    server = await S3Server.start(options);
  });
});

describe('an address', () => {
  const of = (address: string, patch = {}) =>
    s3Settings(address, env({ AWS_ENDPOINT_URL: undefined, ...patch }));
  it("is Amazon's unless another one is given", () => {
    expect(of('s3://bucket/a/b')).toMatchObject({
      root: 'https://bucket.s3.eu-central-1.amazonaws.com/',
      prefix: 'a/b/',
      label: 's3://bucket/a/b',
    });
    expect(placeOf(of('s3://bucket'))).toBe('s3://bucket');
    expect(placeOf(of('s3://bucket', { AWS_ENDPOINT_URL: 'https://storage.example' }))).toBe(
      's3://bucket (at storage.example)',
    );
    expect(of('s3://my.bucket').root).toBe('https://s3.eu-central-1.amazonaws.com/my.bucket/');
    expect(of('s3://bucket', { AWS_ENDPOINT_URL_S3: 'https://storage.example/x/' }).root).toBe(
      'https://storage.example/x/bucket/',
    );
  });
  it.each(['s3://', 's3://Bucket', 's3://bucket/../x', 's3://bucket/a b', 's3://-bucket'])(
    '%s is invalid',
    (address) =>
      expect(() => of(address)).toThrow(expect.objectContaining({ code: 'bad-argument' }) as Error),
  );
  it('without credentials is rejected', () =>
    expect(() => of('s3://bucket', { AWS_SECRET_ACCESS_KEY: '' })).toThrow(/no credentials/));
  it.each(['https://key:secret@storage.example', 'https://storage.example/?key=secret', 'storage'])(
    'that is invalid is rejected, and not repeated: %s',
    (url) => {
      const asked = () => of('s3://bucket', { AWS_ENDPOINT_URL: url });
      expect(asked).toThrow(expect.objectContaining({ code: 'bad-argument' }) as Error);
      expect(asked).not.toThrow(/secret/);
    },
  );
  it.each(['https://storage.example/#part', 'https://:secret@storage.example'])(
    'may contain no more than for other servers: %s',
    (url) => expect(() => of('s3://bucket', { AWS_ENDPOINT_URL: url })).toThrow(/more than a host/),
  );
  it('that would send weights in plain text is rejected', () => {
    expect(() => of('s3://bucket', { AWS_ENDPOINT_URL: 'http://storage.example' })).toThrow(/plain text/);
    expect(of('s3://bucket', { AWS_ENDPOINT_URL: 'http://10.0.0.7:9000' }).root).toBe(
      'http://10.0.0.7:9000/bucket/',
    );
  });
});
