/** What can be done next: a command in a terminal, a button in VS Code and the panel, but never a command there. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { describe, expect, it, test } from 'vitest';
import { commandOf, forButtons, forTerminal, stepIds, titleOf } from '../../../src/text/next-step.ts';
import { manifestIn } from '../../support/manifest.ts';

const run = '20261126-0706-lora-smollm2-135m-c303';

describe('a step in a text', () => {
  it.each([
    [
      `Go on with {resume ${run}}.`,
      `Go on with "forget-me-not resume ${run}".`,
      'Go on with "Resume Training".',
    ],
    [
      `{evaluate ${run} a,b} adds it.`,
      `"forget-me-not evaluate ${run} --tasks a,b" adds it.`,
      '"Measure Result" adds it.',
    ],
    [`Run {evaluate ${run}}.`, `Run "forget-me-not evaluate ${run}".`, 'Run "Measure Result".'],
    ['Run {evaluate}.', 'Run "forget-me-not evaluate".', 'Run "Measure Result".'],
    ['{install-runtime gpu}', '"forget-me-not runtime install --gpu"', '"Install TensorFlow"'],
    [
      'Start with {train}.',
      'Start with "forget-me-not train FOLDER --minutes 10".',
      'Start with "Fine-tune on Workspace".',
    ],
    ['See {options train}.', 'See "forget-me-not train --help".', 'See "Open Settings".'],
    ['A {brace} and {resumed x}.', 'A {brace} and {resumed x}.', 'A {brace} and {resumed x}.'],
  ])('%s', (text, terminal, buttons) => {
    expect(forTerminal(text)).toBe(terminal);
    expect(forButtons(text).text).toBe(buttons);
  });

  it("comes with its button's action, once per title", () => {
    const { steps } = forButtons(`{resume ${run}} or {doctor}, then {resume ${run}}`);
    expect(steps).toEqual([
      { id: 'resume', subject: run },
      { id: 'doctor', subject: '' },
    ]);
    expect(steps.map(commandOf)).toEqual(['forgetMeNot.resumeTraining', 'forgetMeNot.doctor']);
  });

  it.each([
    [
      `The evaluator ended early (exit 1); measure with "forget-me-not evaluate ${run}".`,
      [{ id: 'evaluate', subject: run }],
    ],
    [`Free some space, then go on with "forget-me-not resume ${run}".`, [{ id: 'resume', subject: run }]],
    [`Go on from its last checkpoint with: forget-me-not resume ${run}`, [{ id: 'resume', subject: run }]],
    ['and run `forget-me-not runtime install` again; until then', [{ id: 'install-runtime', subject: '' }]],
    ['forget-me-not runtime install --gpu', [{ id: 'install-runtime', subject: 'gpu' }]],
    [
      `"forget-me-not evaluate ${run} --tasks humaneval" adds it.`,
      [{ id: 'evaluate', subject: `${run} humaneval` }],
    ],
    [
      'Train anew: forget-me-not train "/a b/c" --lr 0.0001, and the other options as before.',
      [{ id: 'train', subject: '' }],
    ],
    ['forget-me-not models fetch smollm2-135m', [{ id: 'fetch', subject: 'smollm2-135m' }]],
    ['run "forget-me-not models" for the known bases.', [{ id: 'models', subject: '' }]],
    ['AdamW; "forget-me-not sweep" finds this base\u2019s own', [{ id: 'sweep', subject: '' }]],
    ['Wait until it ends, or stop it with "forget-me-not cancel".', [{ id: 'cancel', subject: '' }]],
    ['Name a folder of code: forget-me-not reproduce FOLDER.', []],
  ])('is read from the text of an earlier version: %s', (text, steps) => {
    const read = forButtons(text);
    expect(read.steps).toEqual(steps);
    expect(read.text).not.toContain('forget-me-not ');
  });

  it.each([
    'There is no space left in /home/me/.local/share/forget-me-not on this disk.',
    'The file /data/forget-me-not runs/a.json is damaged.',
    String.raw`C:\data\forget-me-not show is damaged.`,
    'my-forget-me-not models and my.forget-me-not runs',
    'forget-me-not was measured.',
    'Fine-tuning "forget-me-not (2)" ended early.',
    'forget-me-not runs-old was not found.',
  ])('is not read from a path or a name: %s', (text) => {
    expect(forButtons(text)).toEqual({ text, steps: [] });
  });

  test('has a command in VS Code with that title', () => {
    const { contributes } = manifestIn<{
      contributes: { commands: { command: string; title: string }[] };
    }>('en');
    const titles = Object.fromEntries(contributes.commands.map(({ command, title }) => [command, title]));
    for (const id of stepIds) expect([id, titles[commandOf({ id })]]).toEqual([id, titleOf({ id })]);
    const registered = ['commands/table.ts', 'next-edit/next-edit.ts']
      .map((file) => readFileSync(`src/extension/${file}`, 'utf8'))
      .join('');
    for (const command of Object.keys(titles))
      expect(registered).toMatch(new RegExp(`\\b${command.split('.')[1]}\\b`));
  });
});

/** Texts that only a terminal shows: output of `reproduce`, and of the command line apart from errors. */
const typed = /forget-me-not (?:[a-z]+)\b/;
const commandLine = (file: string) => /^src[\\/](cli|reproduce)[\\/]/.test(file);

/** A file's string literals that contain a command; in the command line's files only those in errors. */
function commandsIn(file: string): string[] {
  const text = readFileSync(file, 'utf8');
  if (!typed.test(text)) return [];
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const found: string[] = [];
  const visit = (node: ts.Node, inError: boolean): void => {
    const isError = ts.isNewExpression(node) && node.expression.getText() === 'UserError';
    const isText =
      ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isTemplateMiddleOrTemplateTail(node);
    if (isText && typed.test(node.text) && (inError || !commandLine(file)))
      found.push(`${file}: ${node.text}`);
    ts.forEachChild(node, (child) => visit(child, inError || isError));
  };
  visit(source, false);
  return found;
}

test('no text that can reach VS Code or the panel tells users to type a command', () => {
  const files = ['src', 'webview'].flatMap((root) =>
    readdirSync(root, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
      .map((name) => join(root, name)),
  );
  // A published adapter's card may be read without VS Code.
  const elsewhere = /[\\/](?:reproduce[\\/]|sharing[\\/]card\.ts$)/;
  const found = files.filter((file) => !elsewhere.test(file)).flatMap(commandsIn);
  // Data, not a text: the doctor's command, which VS Code shows by its name (texts.test.ts).
  expect(found).toEqual([`${join('src', 'tensor', 'runtime', 'inspect.ts')}: forget-me-not runtime install`]);
});
