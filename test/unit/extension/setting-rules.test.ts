import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  canRemoveValue,
  placeToWrite,
  wholeWithin,
  type Inspected,
} from '../../../src/extension/setting-rules.ts';

describe('a setting is written', () => {
  it.each<[string, Inspected, boolean, string]>([
    ['no scope has a value', {}, false, 'user'],
    ['only the user has one', { globalValue: false }, false, 'user'],
    ['the workspace has one', { globalValue: true, workspaceValue: false }, false, 'workspace'],
    ['the folder has one', { workspaceValue: true, workspaceFolderValue: false }, false, 'folder'],
    ['only a language has one', { workspaceLanguageValue: false }, false, 'user'],
    ['for a language: none', {}, true, 'user'],
    ['for a language: the workspace has a general one', { workspaceValue: false }, true, 'workspace'],
    // A value for the language takes precedence even over a general one in a narrower scope.
    [
      'for a language: the user has one for it',
      { workspaceFolderValue: true, globalLanguageValue: false },
      true,
      'user',
    ],
    [
      'for a language: the folder has one for it',
      { globalLanguageValue: true, workspaceFolderLanguageValue: false },
      true,
      'folder',
    ],
  ])('in the scope that takes effect: %s', (_, inspected, forLanguage, place) =>
    expect(placeToWrite(inspected, forLanguage)).toBe(place),
  );
});

it("a language's value is removed if the rest gives the same for all languages", () => {
  expect(canRemoveValue({ globalLanguageValue: false }, true, true)).toBe(true);
  expect(canRemoveValue({ globalLanguageValue: false }, true, false)).toBe(false);
  expect(canRemoveValue({}, true, true)).toBe(false);
  expect(canRemoveValue({ globalLanguageValue: false, workspaceLanguageValue: true }, true, true)).toBe(
    false,
  );
  expect(canRemoveValue({ globalLanguageValue: true, defaultLanguageValue: false }, false, true)).toBe(false);
});

it('a number is rounded and kept within its bounds', () => {
  const bounds = { minimum: 0, maximum: 2000 };
  const within = (value: unknown) => wholeWithin(value, bounds);
  expect([0, 40, 75, 300, 900, 2000].map(within)).toEqual([0, 40, 75, 300, 900, 2000]);
  expect([-5, 1e9, 12.6].map(within)).toEqual([0, 2000, 13]);
  expect([null, undefined, '150', NaN].map(within)).toEqual(Array(4).fill(undefined));
});

it('completion is turned on and off by language', () => {
  const { properties } = (
    JSON.parse(readFileSync('package.json', 'utf8')) as {
      contributes: { configuration: { properties: Record<string, Record<string, unknown>> } };
    }
  ).contributes.configuration;
  expect(properties['forgetMeNot.completion.enabled']).toMatchObject({ scope: 'language-overridable' });
});
