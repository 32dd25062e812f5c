import { describe, expect, it } from 'vitest';
import { checkStorage } from '../../../src/cluster/job.ts';
import { parseCluster } from '../../../src/cluster/ray/address.ts';

describe('the address of a cluster', () => {
  it.each([
    ['http://127.0.0.1:8265', { url: 'http://127.0.0.1:8265', here: true, plainText: false }],
    ['http://localhost:8265/', { url: 'http://localhost:8265', here: true, plainText: false }],
    ['https://ray.example/team/', { url: 'https://ray.example/team', here: false, plainText: false }],
    ['http://10.1.2.3:8265', { url: 'http://10.1.2.3:8265', here: false, plainText: true }],
  ])('takes %s', (text, expected) => {
    expect(parseCluster(text)).toMatchObject(expected);
  });

  it.each(['ray.example', 'ray://127.0.0.1:10001', 'http://ray.example:8265', 'http://8.8.8.8:8265'])(
    'rejects %s',
    (text) => {
      expect(() => parseCluster(text)).toThrow(expect.objectContaining({ code: 'cluster-address' }));
    },
  );

  it('does not repeat the password of an address', () => {
    expect(() => parseCluster('https://me:hunter2@ray.example')).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('hunter2') }),
    );
    expect(() => parseCluster('https://ray.example/?token=hunter2')).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('hunter2') }),
    );
  });
});

describe('the storage', () => {
  it.each(['/mnt/shared', 's3://bucket/folder', 'gs://bucket'])('may be %s', (place) => {
    expect(checkStorage(place)).toBe(place);
  });
  it.each(['hdfs://me@host:9000/x', 'abfss://container@account.dfs.core.windows.net/x'])(
    'may name a user or a container: %s',
    (place) => expect(checkStorage(place)).toBe(place),
  );
  it('may not contain a key, and the error does not repeat it', () => {
    expect(() => checkStorage('s3://AKIA:hunt/er2@bucket/x')).toThrow(
      expect.objectContaining({ code: 'bad-argument', message: expect.not.stringContaining('er2') }),
    );
  });
  it('may not be a relative path', () => {
    expect(() => checkStorage('checkpoints')).toThrow(expect.objectContaining({ code: 'bad-argument' }));
  });
});
