import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readSafetensors, writeSafetensors } from '../../../src/weights/safetensors.ts';

let dir: string;
beforeEach(async () => (dir = await mkdtemp(join(tmpdir(), 'fmn-'))));
afterEach(() => rm(dir, { recursive: true }));

const tensors = new Map([
  ['a', { shape: [2, 3], data: Float32Array.of(1, -2, 3.5, NaN, Infinity, 1e-40) }],
  ['b.ü', { shape: [1], data: Float32Array.of(7) }],
]);

it('reads back the same bits', async () => {
  await writeSafetensors(join(dir, 'x'), tensors, { made: 'here' });
  const read = await readSafetensors(join(dir, 'x'));
  expect([...read.keys()]).toEqual(['a', 'b.ü']);
  for (const [name, { shape, data }] of tensors) {
    expect(read.get(name)!.shape).toEqual(shape);
    expect(Buffer.from((await read.get(name)!.data.read()).buffer)).toEqual(Buffer.from(data.buffer));
  }
});

it("uses the format's own layout, as Python reads it", async () => {
  const path = join(dir, 'x');
  await writeSafetensors(path, tensors);
  const script = `
import json, struct, sys
raw = open(sys.argv[1], 'rb').read()
n = struct.unpack('<Q', raw[:8])[0]
h = json.loads(raw[8:8+n])
s, e = h['b.ü']['data_offsets']
print(n % 8, h['a']['shape'], struct.unpack('<f', raw[8+n+s:8+n+e])[0], len(raw) - 8 - n)`;
  expect(execFileSync('python3', ['-c', script, path], { encoding: 'utf8' }).trim()).toBe('0 [2, 3] 7.0 28');
});

it('rejects a file that is truncated or has a wrong length', async () => {
  const path = join(dir, 'x');
  await writeSafetensors(path, tensors);
  const whole = await readFile(path);
  await truncate(path, whole.length - 1);
  await expect(readSafetensors(path)).rejects.toThrow(/does not fit/);
  await writeFile(path, Buffer.concat([Buffer.from([255, 255, 255, 255, 0, 0, 0, 0]), whole.subarray(8)]));
  await expect(readSafetensors(path)).rejects.toThrow(/header/);
});
