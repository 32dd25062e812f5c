/** What the extension and its panel show at run time: the bundles have all of it, and nothing else. */
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { bundleIn, manifestIn, textsIn, translations, type Language } from '../../support/manifest.ts';
import {
  calls,
  isCallOf,
  isOnTop,
  literalOf,
  messages,
  nodesIn,
  placeOf,
  sources,
} from '../../support/messages.ts';

const placeholdersOf = (text: string): string[] => [...new Set(text.match(/\{\w+\}/g) ?? [])].sort();

/** Texts that are not shown, and names: how such literals begin. */
const notShown = [
  'Hugging Face',
  'LoRA r=',
  ':Forget-Me-Not Doctor.md',
  'Completion Accepted',
  'line exact match',
  'bits per byte',
  'characters saved',
  'edit similarity',
  'identifier ',
  'failed resumable',
  'cancelled resumable',
  'interrupted resumable',
  'a .gguf file',
  'the hub',
  // The panel's page and its styles.
  '<!doctype html>',
  '</title>',
  '<script ',
  '\n  <script ',
  '">\n',
  'scroll run-list',
  'system-ui',
  '(prefers-',
  // Kinds of verdicts.
  'not measured',
  'too little code',
  // Names of metrics, and their names in saved files.
  'during training',
  'exact match',
  'accuracy by length',
  'loss of solutions',
  'unique ',
  'prose bits',
  'older code',
  'new code',
  'line edit',
  'block e',
  'source ',
  'workspace ',
  'retention ',
  'instruction pair',
  'HumanEval pass@k',
  'learning rate',
  'planned memory',
  'in all',
  'peak memory',
  'held-out loss',
  'KL from base',
  'diverged at',
  // An error in the log.
  'The picture is too large.',
];
/** As `notShown`, for shown texts: names, and text to be typed literally. */
const alike = [
  'Completion Accepted',
  'Forget-Me-Not',
  'LoRA',
  'forgetMeNot.status',
  'forgetMeNot.nextEdit',
  'owner/name[:file]',
  'GB',
];

/** Functions that show their arguments. */
const showing = [
  'showInformationMessage',
  'showWarningMessage',
  'showErrorMessage',
  'setStatusBarMessage',
  'showQuickPick',
  'createStatusBarItem',
  'createTerminal',
  'whileShown',
  'ask',
  'pickRun',
];
/** Fields passed to the editor that are shown. */
const fields = [
  'title',
  'label',
  'description',
  'detail',
  'placeHolder',
  'placeholder',
  'prompt',
  'message',
  'tooltip',
  'openLabel',
  'saveLabel',
  'text',
];

describe('in the source', () => {
  const nodes = sources.flatMap((source) => [...nodesIn(source)]);

  it('each text is a literal at its call', () => {
    expect(calls.length).toBeGreaterThan(500);
    expect(calls.filter((call) => literalOf(call.arguments[0]) === undefined).map(placeOf)).toEqual([]);
  });

  it('texts from elsewhere are ones that the bundles have', () => {
    const outside = nodes.filter((node): node is ts.CallExpression => isCallOf(node, 'tKnown'));
    expect(outside.map((call) => call.arguments[0]!.getText()).sort()).toEqual([
      'about',
      "comparison?.unit ?? ''",
      'factsOfTask(task)?.title ?? task',
      'metrics.find(([pattern]) => pattern.test(metric))?.[1] ?? nameOfMetric(metric)',
      'part',
      'part',
      'part',
      'reasonText[reason] ?? reason',
      'setting',
      'sourceNames(known)',
      'unit',
    ]);
  });

  it('no text is translated while a file is loaded, when the language is not known yet', () => {
    const asking = nodes.filter((node) =>
      isCallOf(node, 't', 'tKnown', 'translate', 'titleIn', 'withButtons'),
    );
    expect(asking.filter(isOnTop).map(placeOf)).toEqual([]);
  });

  it('each placeholder gets a value', () => {
    const wrong = calls.filter((call) => {
      const given = namesIn(call.arguments[1]);
      return given && placeholdersOf(literalOf(call.arguments[0])!).join() !== given.join();
    });
    expect(wrong.map(placeOf)).toEqual([]);
  });

  it('no other literal contains words, except for the log and what is not shown', () => {
    const others = sources.flatMap((source) => [...nodesIn(source, (node) => !isElsewhere(node))]);
    const words = others.filter((node) => /\p{L}[,:;.]? \p{L}/u.test(textOf(node)));
    expect(
      words.filter((node) => !isElsewhere(node) && !startsWith(notShown, textOf(node))).map(placeOf),
    ).toEqual([]);
  });

  it('no literal passed to the editor does, not even a single word', () => {
    const values = nodes.flatMap((node) => {
      if (isCallOf(node, ...showing)) return [...node.arguments];
      const shown = ts.isPropertyAssignment(node) && fields.includes(node.name.getText());
      return shown ? [node.initializer] : [];
    });
    const plain = values.flatMap(branchesOf).filter((node) => /\p{L}{2}/u.test(literalOf(node) ?? ''));
    // Arguments of `ask` are also message types and command names, in lower case.
    const words = plain.filter(
      (node) => !alike.includes(literalOf(node)!) && !/^(--)?[a-z]+$/.test(literalOf(node)!),
    );
    expect(words.map(placeOf)).toEqual([]);
  });
});

const startsWith = (beginnings: string[], text: string) =>
  beginnings.some((beginning) => text.startsWith(beginning));

/** Translated texts, those for the log, and names of fields and files. */
const isElsewhere = (node: ts.Node): boolean =>
  (calls as readonly ts.Node[]).includes(node.parent)
    ? (node.parent as ts.CallExpression).arguments[0] === node
    : isCallOf(node, 'info', 'warn', 'error') || ts.isImportDeclaration(node);

/** The text of a literal or of a part of a template; else empty. */
function textOf(node: ts.Node): string {
  const { parent } = node;
  if (parent && ts.isPropertyAssignment(parent) && parent.name === node) return '';
  const isText =
    ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isTemplateMiddleOrTemplateTail(node);
  return isText ? node.text : '';
}

/** The possible values of an expression: both sides of `a ? b : c` and of `a ?? b`. */
function branchesOf(node: ts.Expression): ts.Expression[] {
  if (ts.isParenthesizedExpression(node)) return branchesOf(node.expression);
  if (ts.isConditionalExpression(node)) return [node.whenTrue, node.whenFalse].flatMap(branchesOf);
  if (ts.isArrayLiteralExpression(node)) return node.elements.flatMap(branchesOf);
  if (ts.isBinaryExpression(node) && literalOf(node) === undefined)
    return [node.left, node.right].flatMap(branchesOf);
  return [node];
}

/** `{name}` for each value in an object literal; undefined if some come from elsewhere. */
function namesIn(node: ts.Node | undefined): string[] | undefined {
  if (!node) return [];
  if (!ts.isObjectLiteralExpression(node)) return undefined;
  const names = node.properties.map((property) =>
    ts.isSpreadAssignment(property) ? namesIn(property.expression) : [`{${property.name?.getText()}}`],
  );
  return names.includes(undefined) ? undefined : (names.flat() as string[]).sort();
}

/** What a translation leaves unchanged, besides its placeholders. */
const kept = (text: string): string[] =>
  [
    ...placeholdersOf(text),
    ...(text.match(/`[^`]*`|\*+|\b\d+\b|[\w-]+[._]\w+\.\w+|Forget-Me-Not|TensorFlow|GGUF|PEFT/g) ?? []),
  ].sort();

/** Words that are the same in German. */
const same: Partial<Record<Language, string[]>> = {
  de: [
    'Training',
    'Standard',
    'Hugging Face',
    'loss {loss}',
    'Bytes',
    'Loss',
    'Rate',
    ', ',
    '; ',
    '{clause}.',
    '{metric}, {unit}',
    '{what} ({before} -> {after})',
    '{what}: {text}',
    '({what}) {text}',
  ],
  'zh-cn': ['Hugging Face', '{number}%'],
};

interface Manifest {
  contributes: { commands: { title: string }[] };
}
const titlesIn = (language: Language) =>
  manifestIn<Manifest>(language).contributes.commands.map(({ title }) => title);

describe.each(translations)('in %s', (language) => {
  const bundle = bundleIn(language);
  const titles = new Map(titlesIn('en').map((title, at) => [title, titlesIn(language)[at]!]));
  const pairs = Object.entries(bundle);

  it('has a text for each message, and no others, as `npm run l10n` sorts them', () => {
    expect(Object.keys(bundle)).toEqual(messages.toSorted((a, b) => a.localeCompare(b, 'en')));
  });

  it('leaves nothing in English', () => {
    const left = pairs
      .filter(([english, text]) => !text.trim() || text === english)
      .map(([english]) => english);
    expect(left.filter((english) => !same[language]!.includes(english))).toEqual([]);
    if (language === 'zh-cn') {
      const latin = pairs.filter(([, text]) => !/\p{Script=Han}/u.test(text.replace(/\{\w+\}/g, '')));
      expect(latin.map(([english]) => english).sort()).toEqual([...symbolOnlyTexts].sort());
    }
  });

  it('keeps placeholders, numbers, code and names', () =>
    expect(pairs.map(([english, text]) => [english, kept(text)])).toEqual(
      pairs.map(([english]) => [english, kept(english)]),
    ));

  it('uses the titles of commands', () => {
    const buttons = pairs.filter(([english]) => titles.has(english));
    expect(buttons.length).toBeGreaterThan(15);
    expect(buttons.filter(([english, text]) => text !== titles.get(english))).toEqual([]);
    const named = pairs.flatMap(([english, text]) =>
      [...titles].filter(([title]) => english.includes(`"${title}"`)).map(([, title]) => ({ text, title })),
    );
    expect(named.length).toBeGreaterThan(0);
    expect(named.filter(({ text, title }) => !text.includes(title))).toEqual([]);
  });

  it("uses the wizard's names for the choices in the setting for the minutes", () => {
    const setting = textsIn(language)['setting.training.minutes']!;
    for (const name of ['Quick', 'Standard', 'Thorough']) expect(setting).toContain(bundle[name]);
  });
});

/** Chinese texts that are only numbers and symbols. */
const symbolOnlyTexts = [
  '"{button}"',
  '({what}) {text}',
  ', ',
  '; ',
  'nats per token',
  'nats/token',
  'Hugging Face',
  '{base} for {time}',
  '{clause}.',
  '{done} of {total}',
  '{metric}, {unit}',
  '{number}%',
  '{speed} tokens/s',
  '{what} ({before} -> {after})',
  '{what}: {text}',
];
