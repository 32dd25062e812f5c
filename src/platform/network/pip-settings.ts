/**
 * pip's configured index, proxy and certificates, from its environment variables and files, so that users who have set
 * up pip for their network need not do it again. pip itself need not be installed.
 * https://pip.pypa.io/en/stable/topics/configuration/
 */
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

interface PipSettings {
  /** Package indexes in order of preference, each with a trailing slash. Empty with `no-index`. */
  indexes: string[];
  proxy: string | undefined;
  /** Path of a file or folder of trusted certificates. */
  certificates: string | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;
/** Where pip's settings can be. */
export interface PipPlaces {
  env: Environment;
  platform: NodeJS.Platform;
  home: string;
  /** "/etc" */
  etc: string;
}

const DEFAULT_INDEX = 'https://pypi.org/simple/';
/** Later sections override earlier ones. */
const SECTIONS = ['global', 'download'];
/** Variables in which other Python programs look for certificates. */
const CERTIFICATES = ['REQUESTS_CA_BUNDLE', 'CURL_CA_BUNDLE', 'SSL_CERT_FILE'];

const known = new Map<string, Promise<PipSettings>>();

/** pip's settings on this machine. Cached until the environment changes. */
export function pipSettings(): Promise<PipSettings> {
  const places = { env: process.env, platform: process.platform, home: homedir(), etc: '/etc' };
  const key = JSON.stringify(places);
  const settings = known.get(key) ?? readPipSettings(places);
  known.set(key, settings);
  return settings;
}

/** Skips unreadable files, as pip does. */
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

/** pip's configuration files; later ones override earlier ones. */
export function pipFiles({ env, platform, home, etc }: PipPlaces): string[] {
  const name = platform === 'win32' ? 'pip.ini' : 'pip.conf';
  const own = env['PIP_CONFIG_FILE'];
  // This tells pip not to read any file.
  if (own === '/dev/null' || own?.toLowerCase() === 'nul') return [];
  return [
    ...systemFolders(env, platform).map((folder) => join(folder, 'pip', name)),
    ...(platform === 'win32' ? [] : [join(etc, 'pip.conf')]),
    // pip ignores the user's files if this variable names one.
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

/** Parses Python's configparser format: sections, `name = value`, indented continuation lines. */
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
