import { expect, test, vi } from 'vitest';
import { languageName } from '../../../src/extension/completion/language-name.ts';

vi.mock('vscode', () => {
  const python = { contributes: { languages: [{ id: 'python', aliases: ['Python'] }] } };
  return { extensions: { all: [{ packageJSON: {} }, { packageJSON: python }] } };
});

test('a language has the name that an extension gives it, and plain text the one of the editor', () =>
  expect(['python', 'plaintext', 'unknown'].map(languageName)).toEqual(['Python', 'Plain Text', 'unknown']));
