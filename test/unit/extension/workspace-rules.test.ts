/** What a workspace's settings may decide: VS Code goes by a setting's scope, we by the table of options of `train`. */
import { readFileSync } from 'node:fs';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { warnIgnoredSettings } from '../../../src/extension/ignored-settings.ts';
import { settings } from '../../../src/extension/settings.ts';
import { resolveBase, resolveOptions } from '../../../src/extension/workspace-rules.ts';
import { trainOptions } from '../../../src/training/options/index.ts';
import { InvalidValue } from '../../../src/training/options/values.ts';
import { configured, inspected, reset } from './fake-vscode.ts';

vi.mock('vscode', () => import('./fake-vscode.ts'));
beforeEach(reset);

interface Setting {
  type: string | string[];
  scope?: string;
  enum?: unknown[];
}
const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as {
  capabilities: { untrustedWorkspaces: { restrictedConfigurations: string[] } };
  contributes: { configuration: { properties: Record<string, Setting> } };
};
const { restrictedConfigurations: restricted } = manifest.capabilities.untrustedWorkspaces;

/** No free text, but still for the user alone: what is learned and when, what is computed on, what fills the disk. */
const ownChoices = [
  'training.background',
  'completion.learnFromUse',
  'completion.gpu',
  'completion.foldedCopy',
];
/** Free text that a workspace may decide: a GPU's name, and patterns of files within the folder. */
const harmless = ['training.device', 'training.include', 'training.exclude'];
/** Free text of which it decides a part: see workspace-rules.ts. */
const partly = ['base', 'training.options'];

/** It could contain anything: an address, a path. */
const isFreeText = ({ type, enum: choices }: Setting) =>
  !choices && ![type].flat().every((one) => ['boolean', 'number', 'integer', 'null'].includes(one));

describe('a setting', () => {
  const all = Object.entries(manifest.contributes.configuration.properties).map(
    ([name, setting]) => [name.replace('forgetMeNot.', ''), setting] as const,
  );

  it.each(all)(
    '%s is read from a workspace unless it is free text or a choice of the user',
    (name, setting) => {
      const isText = isFreeText(setting) && ![...harmless, ...partly].includes(name);
      // VS Code takes those only from the user's or the machine's settings.
      expect(['machine', 'application'].includes(setting.scope ?? '')).toBe(
        isText || ownChoices.includes(name),
      );
    },
  );

  it('that a workspace decides in part is restricted', () =>
    expect(restricted).toEqual(expect.arrayContaining(partly.map((name) => `forgetMeNot.${name}`))));
});

describe("an option of 'train' that a workspace may set", () => {
  const free = Object.entries(trainOptions).filter(([, { support }]) => support.workspace);

  it('names no file, data set, run, base, server or text, and sends, fetches and confirms nothing', () => {
    const never = [
      'base',
      'include',
      'exclude',
      'continue',
      'name',
      'report',
      'detach',
      'yes',
      'json',
      'data',
      'replay',
      'evalTasks',
      'backend',
      'device',
      'on',
      'storage',
      'cpus',
      'engine',
    ];
    expect(free.map(([name]) => name).filter((name) => never.includes(name))).toEqual([]);
  });

  it.each(free)('%s is a flag, a number, or names from a list', (name, { flags, choices, parse }) => {
    if (!flags.includes('<') || choices) return;
    // Names of linear layers, or patterns over them.
    if (name === 'targets') return;
    for (const text of ['/etc/passwd', 'https://evil.example', 'evil/model'])
      expect(() => parse!(text)).toThrow(InvalidValue);
  });
});

const workspace = (workspaceValue: unknown, globalValue?: unknown) => ({ workspaceValue, globalValue });

describe('the options of a workspace', () => {
  it.each<[string[], string[], string[]]>([
    [['--rank', '32', '--humaneval=40', '--recompute'], ['--rank=32', '--humaneval=40', '--recompute'], []],
    [['--data', '/etc', '--rank', '8'], ['--rank=8'], ['--data', '/etc']],
    [
      ['--data=/etc', '--on', 'http://evil.example', 'more'],
      [],
      ['--data=/etc', '--on', 'http://evil.example', 'more'],
    ],
    [['/etc', '--seed', '1'], ['--seed=1'], ['/etc']],
    // Text in the place of a value is a value, as on the command line.
    [['--rank', '--data', '/etc'], ['--rank=--data'], ['/etc']],
    [['--recompute', '/etc'], ['--recompute'], ['/etc']],
    [['--recompute=/etc'], [], ['--recompute=/etc']],
    [['--', '/etc'], [], ['--', '/etc']],
    [['-o', 'x', '--rank'], [], ['-o', 'x', '--rank']],
    [
      ['--replay', 'base', '--base', 'a/b', '--backend', 'wasm'],
      [],
      ['--replay', 'base', '--base', 'a/b', '--backend', 'wasm'],
    ],
    [['--rank\n--data', '/etc'], [], ['--rank\n--data', '/etc']],
  ])('%j', (given, value, ignored) =>
    expect(resolveOptions(workspace(given), given)).toEqual({ value, ignored }),
  );

  it("are all accepted if they are the user's own", () => {
    const own = ['--data', '/etc', '--rank', '8'];
    expect(resolveOptions(workspace(undefined, own), own)).toEqual({ value: own, ignored: [] });
  });

  it('are none if they are not a list', () =>
    expect(resolveOptions(workspace('--data /etc'), [])).toEqual({ value: [], ignored: [] }));
});

describe('the base of a workspace', () => {
  it.each(['auto', 'smollm2-135m'])('may be %s', (base) =>
    expect(resolveBase(workspace(base, 'other'), base)).toEqual({ value: base, ignored: [] }),
  );

  it.each(['evil/model', 'evil/model:file.gguf', './base.gguf', '/etc/base.gguf', 'base.gguf', '\u202eauto'])(
    "can't be %j; the user's applies",
    (base) => {
      expect(resolveBase(workspace(base, 'mine/own'), base)).toEqual({ value: 'mine/own', ignored: [base] });
      expect(resolveBase(workspace(base), base)).toEqual({ value: 'auto', ignored: [base] });
    },
  );

  it("is the user's if the workspace has none", () =>
    expect(resolveBase(workspace(undefined, 'mine/own'), 'mine/own')).toEqual({
      value: 'mine/own',
      ignored: [],
    }));
});

it('ignored settings are reported once', () => {
  const notified: string[] = [];
  const services = {
    log: { notify: (_: string, sentence: string) => Promise.resolve(void notified.push(sentence)) },
  };
  const warn = () => warnIgnoredSettings(services as unknown as Parameters<typeof warnIgnoredSettings>[0]);
  warn();
  expect(notified).toEqual([]);
  inspected['base'] = workspace('evil/model');
  inspected['training.options'] = workspace(['--data', '/etc', '--rank', '8']);
  Object.assign(configured, { base: 'evil/model', 'training.options': ['--data', '/etc', '--rank', '8'] });
  expect(settings.base()).toBe('auto');
  expect(settings.trainOptions()).toEqual(['--rank=8']);
  warn();
  warn();
  expect(notified).toEqual([
    expect.stringContaining('evil/model. It is ignored'),
    expect.stringContaining('--data /etc. They are ignored'),
  ]);
});
