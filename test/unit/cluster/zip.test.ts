/** Packages, read back by Python as on a cluster. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { describePackage, zip, type PackedFile } from '../../../src/cluster/zip.ts';

const dir = mkdtempSync(join(tmpdir(), 'forget-me-not-zip-'));
const zone = process.env['TZ'];
afterEach(() => {
  if (zone === undefined) delete process.env['TZ'];
  else process.env['TZ'] = zone;
});
process.on('exit', () => rmSync(dir, { recursive: true, force: true }));

function files(): PackedFile[] {
  const path = join(dir, 'weights.bin');
  writeFileSync(path, Buffer.alloc(100_000, 'weights'));
  return [
    { name: 'work/run/corpus/train.tokens', from: path },
    { name: 'job.json', from: Buffer.from('{"name":"Größe"}') },
    { name: 'work/run/empty', from: Buffer.alloc(0) },
  ];
}

describe('a package', () => {
  it('is readable by Python', async () => {
    const archive = join(dir, 'package.zip');
    writeFileSync(archive, await zip(await describePackage('test', files())));
    const script = `
import json, sys, zipfile
archive = zipfile.ZipFile(sys.argv[1])
assert archive.testzip() is None
print(json.dumps({one.filename: [one.file_size, oct(one.external_attr >> 16)] for one in archive.infolist()}))
print(archive.read('job.json').decode())`;
    const [listed, job] = execFileSync('python3', ['-c', script, archive], { encoding: 'utf8' }).split('\n');
    expect(JSON.parse(listed!)).toEqual({
      'job.json': [18, '0o100644'],
      'work/run/corpus/train.tokens': [100_000, '0o100644'],
      'work/run/empty': [0, '0o100644'],
    });
    expect(job).toBe('{"name":"Größe"}');
  });

  it('has the same name and bytes whatever the order of its files, their dates and the time zone', async () => {
    process.env['TZ'] = 'Asia/Tokyo';
    const one = await describePackage('test', files());
    const bytes = await zip(one);
    const others = files().reverse();
    utimesSync(join(dir, 'weights.bin'), 1e9, 1e9);
    process.env['TZ'] = 'America/New_York';
    const other = await describePackage('test', others);
    expect(other.name).toBe(one.name);
    expect((await zip(other)).equals(bytes)).toBe(true);
  });

  it("has a different name if a file's content or name differs", async () => {
    const names = await Promise.all(
      [
        files(),
        files().map((file) => ({ ...file, name: `${file.name}x` })),
        [...files().slice(0, 2), { name: 'work/run/empty', from: Buffer.from('x') }],
      ].map(async (some) => (await describePackage('test', some)).name),
    );
    expect(new Set(names).size).toBe(3);
    expect(names[0]).toMatch(/^test-[0-9a-f]{16}\.zip$/);
  });

  it("says which file can't be read", async () => {
    const broken = { name: 'test', bytes: 0, files: [{ name: 'gone', from: join(dir, 'gone') }] };
    await expect(zip(broken)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
