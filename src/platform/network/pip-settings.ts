/**
 * What pip is configured with: index, proxy and certificates, from its environment variables and files, so that a
 * person who has made pip work on this network need not do it again. pip itself need not be there.
 * https://pip.pypa.io/en/stable/topics/configuration/
 */
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

export interface PipSettings {
  /** Package indexes in the order in which they are asked, each with an ending slash. Empty with `no-index`. */
  indexes: string[];
  /** Proxy for all requests. */
  proxy: string | undefined;
  /** Path of a file or folder of certificates that are trusted. */
  certificates: string | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;
/** Where pip's settings may stand. */
export interface PipPlaces {
  env: Environment;
  platform: NodeJS.Platform;
  home: string;
  /** "/etc" */
  etc: string;
}

const DEFAULT_INDEX = 'https://pypi.org/simple/';
/** In this order, a later section wins. */
const SECTIONS = ['global', 'download'];
/** Where other programs of the Python world look for certificates. */
const CERTIFICATES = ['REQUESTS_CA_BUNDLE', 'CURL_CA_BUNDLE', 'SSL_CERT_FILE'];

const known = new Map<string, Promise<PipSettings>>();

/** Those of this machine. The files are read once in a process, and again only for another environment. */
export function pipSettings(): Promise<PipSettings> {
  const places = { env: process.env, platform: process.platform, home: homedir(), etc: '/etc' };
  const key = JSON.stringify(places);
  const settings = known.get(key) ?? readPipSettings(places);
  known.set(key, settings);
  return settings;
}

/** Files that can't be read are left out, as pip does. */
export async function readPipSettings(places: PipPlaces): Promise<PipSettings> {
  const { env } = places;
  const texts = await Promise.all(pipFiles(places).map((path) => readFile(path, 'utf8').catch(() => '')));
  const found = Object.assign({}, ...texts.map(settingsOf)) as Record<string, string>;
  const setting = (name: string) =>
    env[`PIP_${name.toUpperCase().replaceAll('-', '_')}`] || found[name] || undefined;
  const listed = `${setting('index-url') ?? DEFAULT_INDEX} ${setting('extra-index-url') ?? ''}`;
  return {
    indexes: isOn(setting('no-index')) ? [] : words(listed).map((url) => url.replace(/\/*$/, '/')),
    proxy: setting('proxy'),
    certificates: setting('cert') ?? CERTIFICATES.map((name) => env[name]).find(Boolean),
  };
}

const words = (text: string) => text.split(/\s+/).filter(Boolean);
const isOn = (text = '') => /^(1|true|yes|on)$/i.test(text);

/** pip's configuration files; settings of later ones win. */
export function pipFiles({ env, platform, home, etc }: PipPlaces): string[] {
  const name = platform === 'win32' ? 'pip.ini' : 'pip.conf';
  const own = env['PIP_CONFIG_FILE'];
  // So pip is told to read no file at all.
  if (own === '/dev/null' || own?.toLowerCase() === 'nul') return [];
  return [
    ...systemFolders(env, platform).map((folder) => join(folder, 'pip', name)),
    ...(platform === 'win32' ? [] : [join(etc, 'pip.conf')]),
    // pip leaves out the user's files if this variable names one.
    ...(own ? [] : userFiles({ env, platform, home }, name)),
    ...(env['VIRTUAL_ENV'] ? [join(env['VIRTUAL_ENV'], name)] : []),
    ...(own ? [own] : []),
  ];
}

function systemFolders(env: Environment, platform: NodeJS.Platform): string[] {
  if (platform === 'win32') return [env['ProgramData'] ?? 'C:\\ProgramData'];
  if (platform === 'darwin') return ['/Library/Application Support'];
  return (env['XDG_CONFIG_DIRS'] || '/etc/xdg').split(delimiter).reverse();
}

const userFiles = ({ env, platform, home }: Omit<PipPlaces, 'etc'>, name: string): string[] => [
  join(home, platform === 'win32' ? 'pip' : '.pip', name),
  join(userFolder(env, platform, home), 'pip', name),
  ...(platform === 'darwin' ? [join(home, 'Library/Application Support/pip', name)] : []),
];

const userFolder = (env: Environment, platform: NodeJS.Platform, home: string): string =>
  platform === 'win32'
    ? (env['APPDATA'] ?? join(home, 'AppData/Roaming'))
    : env['XDG_CONFIG_HOME'] || join(home, '.config');

/** The settings of a file, in the form of Python's configparser: sections, `name = value`, indented lines continue. */
function settingsOf(text: string): Record<string, string> {
  const sections: Record<string, Record<string, string>> = {};
  let section: Record<string, string> = {};
  let name: string | undefined;
  for (const line of text.split(/\r?\n/)) {
    if (/^\s*([#;]|$)/.test(line)) continue;
    const heading = /^\[([^\]]+)\]/.exec(line)?.[1];
    const [, key, value = ''] = /^([^\s=:][^=:]*?)\s*[=:]\s*(.*)$/.exec(line) ?? [];
    if (heading !== undefined) {
      section = sections[heading] ??= {};
      name = undefined;
    } else if (/^\s/.test(line) && name !== undefined) section[name] += ` ${line.trim()}`;
    else if (key !== undefined) section[(name = key.toLowerCase().replaceAll('_', '-'))] = value.trim();
  }
  return Object.assign({}, ...SECTIONS.map((section) => sections[section]));
}
