/** Compared with `pip config debug` and pip's documentation of precedence. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  pipFiles,
  pipSettings,
  readPipSettings,
  type PipPlaces,
} from '../../../src/platform/network/pip-settings.ts';

let home: string;
beforeEach(() => (home = mkdtempSync(join(tmpdir(), 'fmn-pip-'))));
afterEach(() => rmSync(home, { recursive: true }));

const places = (env: PipPlaces['env'] = {}): PipPlaces => ({
  // So that this machine's files are not read.
  env: { XDG_CONFIG_DIRS: join(home, 'xdg'), ...env },
  platform: 'linux',
  home,
  etc: home,
});
const put = (path: string, text: string) => {
  mkdirSync(dirname(join(home, path)), { recursive: true });
  writeFileSync(join(home, path), text);
};

describe("pip's settings", () => {
  it('are the public index if nothing is set', async () => {
    const { indexes } = await readPipSettings(places({ PIP_CONFIG_FILE: '/dev/null' }));
    expect(indexes.map((url) => new URL(url).pathname)).toEqual(['/simple/']);
  });
  it('come from files, with later ones and [download] first, and before that from environment variables', async () => {
    put(
      '.config/pip/pip.conf',
      '[global]\nindex-url = https://a.test/simple\nproxy: one:3128\ncert = a.pem\n',
    );
    put(
      'venv/pip.conf',
      '; ours\n[download]\nindex_url=https://b.test/simple/\n[global]\nindex-url=https://c.test\n',
    );
    const venv = { VIRTUAL_ENV: join(home, 'venv') };
    expect(await readPipSettings(places(venv))).toEqual({
      indexes: ['https://b.test/simple/'],
      proxy: 'one:3128',
      certificates: 'a.pem',
    });
    const env = { ...venv, PIP_INDEX_URL: 'https://d.test/x', PIP_CERT: 'd.pem', PIP_PROXY: 'http://d:1' };
    expect(await readPipSettings(places(env))).toEqual({
      indexes: ['https://d.test/x/'],
      proxy: 'http://d:1',
      certificates: 'd.pem',
    });
  });
  it('may list several indexes on several lines, or none', async () => {
    put(
      '.pip/pip.conf',
      '[global]\nindex-url = https://a.test/\nextra-index-url =\n    https://b.test\n    # no\n    https://c.test/\n',
    );
    expect((await readPipSettings(places())).indexes).toEqual([
      'https://a.test/',
      'https://b.test/',
      'https://c.test/',
    ]);
    expect((await readPipSettings(places({ PIP_NO_INDEX: 'true' }))).indexes).toEqual([]);
  });
  it('come from no user file if a variable names another', async () => {
    put('.pip/pip.conf', '[global]\nproxy = mine:1\n');
    put('other.conf', '[global]\nindex-url = https://a.test\n');
    const env = { PIP_CONFIG_FILE: join(home, 'other.conf') };
    expect(await readPipSettings(places(env))).toMatchObject({
      indexes: ['https://a.test/'],
      proxy: undefined,
    });
  });
  it('trust the same certificates as other Python programs', async () => {
    const { certificates } = await readPipSettings(places({ SSL_CERT_FILE: 's', CURL_CA_BUNDLE: 'c' }));
    expect(certificates).toBe('c');
  });
  it('are stored where each system keeps them', () => {
    const on = (platform: NodeJS.Platform, env: PipPlaces['env']) =>
      pipFiles({ platform, env, home: '/h', etc: '/etc' }).map((path) => path.replaceAll('\\', '/'));
    expect(on('linux', { VIRTUAL_ENV: '/v' })).toEqual([
      '/etc/xdg/pip/pip.conf',
      '/etc/pip.conf',
      '/h/.pip/pip.conf',
      '/h/.config/pip/pip.conf',
      '/v/pip.conf',
    ]);
    expect(on('darwin', {})).toContain('/h/Library/Application Support/pip/pip.conf');
    expect(on('win32', { APPDATA: 'C:/r', ProgramData: 'C:/p' })).toEqual([
      'C:/p/pip/pip.ini',
      '/h/pip/pip.ini',
      'C:/r/pip/pip.ini',
    ]);
  });
});

it('are read once per process, and again for another environment', async () => {
  const place = mkdtempSync(join(tmpdir(), 'fmn-pip-once-'));
  const [first, other] = [join(place, 'one.conf'), join(place, 'other.conf')];
  const put = (path: string, proxy: string) => writeFileSync(path, `[global]\nproxy = ${proxy}\n`);
  put(first, 'http://first');
  put(other, 'http://other');
  vi.stubEnv('PIP_PROXY', undefined);
  vi.stubEnv('PIP_CONFIG_FILE', first);
  expect((await pipSettings()).proxy).toBe('http://first');
  put(first, 'http://second');
  expect((await pipSettings()).proxy).toBe('http://first');
  vi.stubEnv('PIP_CONFIG_FILE', other);
  expect((await pipSettings()).proxy).toBe('http://other');
  vi.unstubAllEnvs();
  rmSync(place, { recursive: true });
});
