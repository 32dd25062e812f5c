/** If nothing, or nothing usable, is set, package.json's default applies. */
import { readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, it, vi } from 'vitest';
import type { TextDocument } from 'vscode';
import { leastChance } from '../../../src/completion/index.ts';
import { applyDataDirectory, proxyVariables, settings } from '../../../src/extension/settings.ts';
import { configured, reset, workspace } from './fake-vscode.ts';

vi.mock('vscode', () => import('./fake-vscode.ts'));

const { properties } = (
  JSON.parse(readFileSync('package.json', 'utf8')) as {
    contributes: { configuration: { properties: Record<string, { default: unknown }> } };
  }
).contributes.configuration;
const document = {} as TextDocument;

/** The names of the settings that were read. */
const asked: string[] = [];
const { getConfiguration } = workspace;
beforeEach(() => {
  reset();
  asked.length = 0;
  vi.spyOn(workspace, 'getConfiguration').mockImplementation(() => {
    const given = getConfiguration();
    return {
      ...given,
      get: (name, fallback) => {
        asked.push(name);
        return name in configured ? configured[name] : given.get(name, fallback);
      },
      inspect: (name) => {
        asked.push(name);
        return given.inspect(name);
      },
    };
  });
});

/** The editor's own setting, and what is made of several. */
const others = ['forCompletion', 'inlineSuggestions', 'backendOptions', 'globOptions', 'ignored'];
const plain = Object.entries(settings).filter(([name]) => !others.includes(name)) as [
  string,
  (document: TextDocument) => unknown,
][];

it.each(plain)('%s', (_, value) => {
  // Null in package.json is undefined here.
  const read = () => value(document) ?? null;
  const usual = read();
  const name = asked[0]!;
  expect(usual).toEqual(properties[`forgetMeNot.${name}`]!.default);
  configured[name] = null;
  expect(read()).toEqual(usual);
});

it('of completion, together', () => {
  const usual = settings.forCompletion(document);
  expect(usual).toEqual({
    maxTokens: properties['forgetMeNot.completion.maxTokens']!.default,
    debounceMs: undefined,
    minChance: leastChance[properties['forgetMeNot.completion.show']!.default as keyof typeof leastChance],
  });
  for (const name of asked) configured[name] = null;
  expect(settings.forCompletion(document)).toEqual(usual);
});

it('of completion that are numbers keep to the bounds in package.json', () => {
  Object.assign(configured, { 'completion.maxTokens': 100_000, 'completion.debounce': -5 });
  expect(settings.forCompletion(document)).toMatchObject({ maxTokens: 512, debounceMs: 0 });
  Object.assign(configured, { 'completion.maxTokens': 'many', 'completion.debounce': 'never' });
  expect(settings.forCompletion(document)).toMatchObject({ maxTokens: 64, debounceMs: undefined });
});

it('are all read', () => {
  for (const [, value] of plain) value(document);
  settings.forCompletion(document);
  settings.backendOptions();
  settings.globOptions(['/garden']);
  expect([...new Set(asked)].map((name) => `forgetMeNot.${name}`).sort()).toEqual(
    Object.keys(properties).sort(),
  );
});

it("a base in the user's home folder is found", () => {
  configured['base'] = '~/models/mine.gguf';
  expect(settings.base()).toBe(`${homedir()}/models/mine.gguf`);
  configured['base'] = 'owner/name~1';
  expect(settings.base()).toBe('owner/name~1');
});

it('the data folder may begin with ~/, and a relative one is refused with a sentence', () => {
  vi.stubEnv('FORGET_ME_NOT_HOME', undefined);
  const chosen = (value: string) => {
    configured['dataDirectory'] = value;
    const refused = applyDataDirectory('/inherited');
    return { home: process.env['FORGET_ME_NOT_HOME'], refused: refused?.message };
  };
  expect(chosen('')).toEqual({ home: '/inherited', refused: undefined });
  expect(chosen('/data')).toEqual({ home: '/data', refused: undefined });
  expect(chosen('~/fmn')).toEqual({ home: `${homedir()}/fmn`, refused: undefined });
  expect(chosen('fmn')).toEqual({
    home: '/inherited',
    refused: 'The data folder in the settings is not an absolute path on this machine: fmn.',
  });
  vi.unstubAllEnvs();
});

it('are all used', () => {
  const used = readdirSync('src/extension', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => readFileSync(join('src/extension', name), 'utf8'))
    .join('');
  expect(Object.keys(settings).filter((name) => !used.includes(`settings.${name}`))).toEqual([]);
});

it("of the editor's proxy are variables of child processes, unless the environment has its own", () => {
  expect(proxyVariables({})).toEqual({});
  const proxy = 'http://proxy.example:8080';
  Object.assign(configured, { proxy, noProxy: ['.intern.example'] });
  const variables = (list: string) => ({ HTTPS_PROXY: proxy, NO_PROXY: list, no_proxy: list });
  const direct = '.intern.example,localhost,127.0.0.1';
  // Not for http: the token and the text for a cluster would go to the proxy.
  expect(proxyVariables({})).toEqual(variables(direct));
  expect(proxyVariables({ NO_PROXY: 'upper' })).toEqual(variables(`upper,${direct}`));
  expect(proxyVariables({ no_proxy: 'lower' })).toEqual(variables(`lower,${direct}`));
  expect(proxyVariables({ https_proxy: 'http://other.example:1' })).toEqual({});
  configured['proxy'] = 'socks5://proxy.example:1080';
  expect(proxyVariables({})).toEqual({});
  Object.assign(configured, { proxy, proxySupport: 'off' });
  expect(proxyVariables({})).toEqual({});
});

it.each([
  ['completion.show', () => settings.forCompletion(document).minChance],
  ['completion.gpu', () => settings.gpu()],
] as const)('%s that is not one of the choices', (name, value) => {
  const usual = value();
  configured[name] = 'constructor';
  expect(value()).toBe(usual);
});
