/** The package on a bare machine: no Python, no compiler, nothing on its PATH. */
import { execFile } from 'node:child_process';
import { copyFile, link, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageExtension } from '../../scripts/package.mjs';
import { extract } from '../../src/platform/files/zip.ts';
import { doctorReportSchema } from '../../src/protocol/doctor.ts';
import { offer } from '../../src/tensor/runtime/release.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'forget-me-not-bare-'));
  const choose = ({ name }: { name: string }) =>
    name.startsWith('extension/') ? join(dir, name) : undefined;
  await extract(await packageExtension({ quiet: true }), { choose });
  await takeDownloads();
}, 600_000);
afterAll(() => rm(dir, { recursive: true, force: true }));

/** Takes what runtime-install.test.ts has downloaded. The installation removes this link, not the file. */
async function takeDownloads(): Promise<void> {
  const cache = process.env['FORGET_ME_NOT_TEST_CACHE'];
  if (cache === undefined) return;
  const [from, to] = [join(cache, 'wheels'), join(dir, 'home/cache/wheels')];
  await mkdir(to, { recursive: true });
  for (const name of await readdir(from).catch(() => []))
    if (name.endsWith('.whl'))
      await link(join(from, name), join(to, name)).catch(() => copyFile(join(from, name), join(to, name)));
}

/** The last line that a command prints. The machine's network settings are kept. */
async function ask(...args: string[]): Promise<unknown> {
  const network = Object.entries(process.env).filter(([name]) => /^PIP_|_proxy$|CERT|CA_BUNDLE$/i.test(name));
  const env = {
    ...Object.fromEntries(network),
    PATH: join(dir, 'empty'),
    HOME: dir,
    FORGET_ME_NOT_HOME: join(dir, 'home'),
  };
  const command = [join(dir, 'extension/dist/cli.mjs'), ...args, '--json'];
  const { stdout } = await promisify(execFile)(process.execPath, command, { env, maxBuffer: 1 << 24 });
  return JSON.parse(stdout.trim().split('\n').at(-1)!);
}

describe.runIf(offer(false).release)('TensorFlow from the package', () => {
  it('is installed with nothing but Node and computes', { timeout: 600_000 }, async () => {
    await ask('runtime', 'install', '--yes');
    const report = doctorReportSchema.parse(await ask('doctor'));
    expect(report).toMatchObject({ ok: true, chosenBackend: 'tensorflow', llama: { starts: true } });
    expect([report.python, report.compiler]).toEqual([undefined, undefined]);
    expect(report.backends[0]!.reason).toContain('(binding: prebuilt)');
  });
});
