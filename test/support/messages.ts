/** The texts that the editor shows at run time, found in the sources with TypeScript's parser. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { knownBases, sourceNames } from '../../src/base-models/registry.ts';
import { reasons } from '../../src/corpus/reasons.ts';
import { guarded } from '../../src/findings/guards.ts';
import { stepIds, titleOf } from '../../src/text/next-step.ts';
import { taskFacts } from '../../src/findings/task-facts.ts';
import { metricNames } from '../../webview/view-model/labels.ts';
import { memoryParts } from '../../webview/charts/memory.ts';
import { irrelevantSettings, settingLabel } from '../../src/evaluation/metrics/differing-settings.ts';
import { corpusPlanSchema, hyperSchema } from '../../src/protocol/run.ts';

/** `tKnown` is called with these; names that are not words, such as "pass@1", are the same in each language. */
export const knownTexts = [
  ...stepIds.map((id) => titleOf({ id })),
  ...knownBases.flatMap((base) => [base.about, sourceNames(base)]),
  ...Object.values(reasons),
  ...guarded.flatMap(({ worse, kept, open, gained }) =>
    [worse, kept, open, gained].filter((text) => text !== undefined),
  ),
  // Others are names.
  ...Object.values(taskFacts).flatMap(({ title }) => (title.includes(' ') ? title : [])),
  ...memoryParts,
  ...metricNames,
  ...Object.keys({ ...hyperSchema.shape, ...corpusPlanSchema.shape })
    .filter((key) => !irrelevantSettings.includes(key))
    .map(settingLabel),
  ...['base', 'base sha256', 'folder', 'corpus', 'corpus tokens', 'minutes', 'tokens trained on'],
  ...['strength', 'imported from', 'fetched from', 'continues', 'backend', 'version', 'yes', 'no', 'all'],
  // What l10n.ts itself translates; its other calls only pass texts on.
  ...['"{button}"', '{number}%'],
];

const parse = (path: string): ts.SourceFile =>
  ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest, true);

const filesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name))
    .sort();

/** The syntax tree of each file of the extension and of the panel: all that they show is translated. */
export const sources: readonly ts.SourceFile[] = [...filesIn('src/extension'), ...filesIn('webview')].map(
  parse,
);

/** Shared files with some translated texts; `l10n.ts` only passes texts on. */
const shared: readonly ts.SourceFile[] = filesIn('src')
  .filter((path) => !path.startsWith(join('src', 'extension')) && !path.endsWith('l10n.ts'))
  .map(parse)
  .filter((source) => /\/l10n\.ts'/.test(source.text));

/** All nodes below `node`; those that `enter` rejects are included without their descendants. */
export function* nodesIn(node: ts.Node, enter: (node: ts.Node) => boolean = () => true): Generator<ts.Node> {
  yield node;
  if (!enter(node)) return;
  for (const child of node.getChildren()) yield* nodesIn(child, enter);
}

/** "src/extension/menu.ts:12: t(what)" */
export function placeOf(node: ts.Node): string {
  const source = node.getSourceFile();
  const { line } = source.getLineAndCharacterOfPosition(node.getStart());
  return `${source.fileName}:${line + 1}: ${node.getText().replace(/\s+/g, ' ').slice(0, 90)}`;
}

/** The name of the called function: "ask" in `log.ask()`. */
export const calleeOf = ({ expression }: ts.CallExpression): string =>
  ts.isPropertyAccessExpression(expression) ? expression.name.text : expression.getText();

export const isCallOf = (node: ts.Node, ...names: string[]): node is ts.CallExpression =>
  ts.isCallExpression(node) && names.includes(calleeOf(node));

/** Whether it runs while its file is loaded: it is in neither a function nor an object's field. */
export function isOnTop(node: ts.Node): boolean {
  if (ts.isFunctionLike(node)) return false;
  if (ts.isPropertyDeclaration(node) && !node.modifiers?.some(isStatic)) return false;
  return node.parent === undefined || isOnTop(node.parent);
}
const isStatic = ({ kind }: ts.ModifierLike) => kind === ts.SyntaxKind.StaticKeyword;

/** The text of a literal, or of concatenated literals; else undefined. */
export function literalOf(node: ts.Node | undefined): string | undefined {
  if (!node) return undefined;
  if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) return node.text;
  if (!ts.isBinaryExpression(node) || node.operatorToken.kind !== ts.SyntaxKind.PlusToken) return undefined;
  const [left, right] = [literalOf(node.left), literalOf(node.right)];
  return left === undefined || right === undefined ? undefined : left + right;
}

/** The calls of `t`. */
export const calls: readonly ts.CallExpression[] = [...sources, ...shared].flatMap((source) =>
  [...nodesIn(source)].filter(
    (node): node is ts.CallExpression => isCallOf(node, 't') && ts.isIdentifier(node.expression),
  ),
);

/** The templates of `msg`, in all of the source: texts of processes and files. */
const templates: readonly ts.TaggedTemplateExpression[] = filesIn('src').flatMap((path) =>
  [...nodesIn(parse(path))].filter(
    (node): node is ts.TaggedTemplateExpression =>
      ts.isTaggedTemplateExpression(node) && node.tag.getText() === 'msg',
  ),
);

/** A template as the key in the bundles: `in ${spec.name}` is "in {0}". */
const keyOf = ({ template }: ts.TaggedTemplateExpression): string =>
  ts.isNoSubstitutionTemplateLiteral(template)
    ? template.text
    : template.templateSpans.reduce(
        (text, { literal }, at) => `${text}{${at}}${literal.text}`,
        template.head.text,
      );

/** Without those that only join others. */
const templateKeys = templates.map(keyOf).filter((key) => /\p{L}/u.test(key.replace(/\{\w+\}/g, '')));

export const messages: readonly string[] = [
  ...new Set([
    ...calls.flatMap((call) => literalOf(call.arguments[0]) ?? []),
    ...knownTexts,
    ...templateKeys,
  ]),
];
