/** If nothing, or nothing usable, is set, package.json's default applies. */
import { readFileSync } from 'node:fs';
import { beforeEach, expect, it, vi } from 'vitest';
import type { TextDocument } from 'vscode';
import { settings } from '../../../src/extension/settings.ts';
import { configured, reset } from './fake-vscode.ts';

vi.mock('vscode', () => import('./fake-vscode.ts'));
beforeEach(reset);

const { properties } = (
  JSON.parse(readFileSync('package.json', 'utf8')) as {
    contributes: { configuration: { properties: Record<string, { default: unknown }> } };
  }
).contributes.configuration;
const document = {} as TextDocument;
const read = {
  'completion.enabled': () => settings.completionEnabled(document),
  'completion.maxTokens': () => settings.maxTokens(),
  'completion.show': () => settings.show(document),
  'completion.besideSuggestList': () => settings.besideSuggestList(document),
  'completion.learnFromUse': () => settings.recordCompletions(),
  'completion.repository': () => settings.repositoryInPrompt(),
  'completion.gpu': () => settings.gpu(),
  'completion.foldedCopy': () => settings.foldedCopy(),
  'nextEdit.enabled': () => settings.nextEditEnabled(document),
  'nextEdit.model': () => settings.nextEditModel(document),
  base: () => settings.base(),
  'training.method': () => settings.method(),
  'training.minutes': () => settings.minutes(),
  'training.backend': () => settings.backend(),
  'training.options': () => settings.trainOptions(),
  dataDirectory: () => settings.dataDirectory(),
  nodePath: () => settings.nodePath(),
};

it.each(Object.entries(read))('%s', (name, value) => {
  const { default: usual } = properties[`forgetMeNot.${name}`]!;
  expect(value()).toEqual(usual);
  configured[name] = null;
  expect(value()).toEqual(usual);
});

it.each(['completion.show', 'completion.gpu', 'nextEdit.model'] as const)(
  '%s that is not one of the choices',
  (name) => {
    configured[name] = 'constructor';
    expect(read[name]()).toBe(properties[`forgetMeNot.${name}`]!.default);
  },
);
