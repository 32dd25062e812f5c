/** The texts that the editor shows at run time, found in the sources with TypeScript's parser. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { knownBases, sourceNames } from '../../src/base-models/registry.ts';
import { reasons } from '../../src/corpus/reasons.ts';
import { guarded } from '../../src/findings/guards.ts';
import { stepIds, titleOf } from '../../src/text/next-step.ts';
import { isRecognised } from '../../src/text/told-texts.ts';
import { taskFacts } from '../../src/findings/task-facts.ts';
import { metricNames } from '../../webview/view-model/labels.ts';
import { memoryParts } from '../../webview/charts/memory.ts';
import { clausesIn, toldIn } from './told-sources.ts';

/** `tKnown` is called with these; names that are no words, such as "pass@1", are the same in each language. */
export const knownTexts = [
  ...stepIds.map((id) => titleOf({ id })),
  ...knownBases.flatMap((base) => [base.about, sourceNames(base)]),
  ...Object.values(reasons),
  ...guarded.flatMap(({ worse, kept, open }) => [worse, ...(kept ? [kept] : []), ...(open ? [open] : [])]),
  // Others are names.
  ...Object.values(taskFacts).flatMap(({ title }) => (title.includes(' ') ? title : [])),
  ...memoryParts,
  ...metricNames,
  // What l10n.ts itself asks for; its other calls only pass texts on.
  ...['"{button}"', '{number}%'],
];

const parse = (path: string): ts.SourceFile =>
  ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest, true);

const filesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name))
    .sort();

/** Each file of the extension and of the panel as a tree: all that they show is asked for. */
export const sources: readonly ts.SourceFile[] = [...filesIn('src/extension'), ...filesIn('webview')].map(
  parse,
);

/** Files that others share, with some texts that are asked for; `l10n.ts` only passes texts on. */
const shared: readonly ts.SourceFile[] = filesIn('src')
  .filter((path) => !path.startsWith(join('src', 'extension')) && !path.endsWith('l10n.ts'))
  .map(parse)
  .filter((source) => /\/l10n\.ts'/.test(source.text));

/** All nodes below `node`; those that `enter` refuses come without what is below them. */
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

/** The name of what is called: "ask" in `log.ask()`. */
export const calleeOf = ({ expression }: ts.CallExpression): string =>
  ts.isPropertyAccessExpression(expression) ? expression.name.text : expression.getText();

export const isCallOf = (node: ts.Node, ...names: string[]): node is ts.CallExpression =>
  ts.isCallExpression(node) && names.includes(calleeOf(node));

/** Whether it runs while its file is loaded: neither a function nor an object's field is around it. */
export function isOnTop(node: ts.Node): boolean {
  if (ts.isFunctionLike(node)) return false;
  if (ts.isPropertyDeclaration(node) && !node.modifiers?.some(isStatic)) return false;
  return node.parent === undefined || isOnTop(node.parent);
}
const isStatic = ({ kind }: ts.ModifierLike) => kind === ts.SyntaxKind.StaticKeyword;

/** The text of a literal, or of literals that are added; else undefined. */
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

/** What a value is called: the last name in the expression that gives it. */
function nameOf(node: ts.Expression): string {
  if (ts.isIdentifier(node)) return node.text;
  if (ts.isPropertyAccessExpression(node)) return node.name.text;
  if (ts.isAsExpression(node) || ts.isParenthesizedExpression(node) || ts.isNonNullExpression(node))
    return nameOf(node.expression);
  if (ts.isCallExpression(node)) {
    const [first] = node.arguments;
    const of = ts.isPropertyAccessExpression(node.expression) ? node.expression.expression : first;
    return of ? nameOf(of) : 'value';
  }
  if (ts.isBinaryExpression(node)) return nameOf(node.left);
  return 'value';
}

/** A template as the key in the bundles: `in ${spec.name}` is "in {name}", a second name is "{name2}". */
export function keyOfTemplate(node: ts.TemplateExpression): string {
  const used = new Map<string, number>();
  return node.templateSpans.reduce((text, { expression, literal }) => {
    const name = nameOf(expression);
    const count = (used.get(name) ?? 0) + 1;
    used.set(name, count);
    return `${text}{${name}${count > 1 ? count : ''}}${literal.text}`;
  }, node.head.text);
}

const isOfPlainError = ({ parent }: ts.Node): boolean =>
  parent !== undefined && ts.isNewExpression(parent) && parent.expression.getText() !== 'UserError';

/** The command line alone says it. */
const isPrinted = ({ parent }: ts.Node): boolean => parent !== undefined && isCallOf(parent, 'print');

const textsOf = (paths: readonly string[]): string[] =>
  paths.map(parse).flatMap((source) =>
    [...nodesIn(source, (node) => !ts.isImportDeclaration(node))].flatMap((node) => {
      if (isOfPlainError(node) || isPrinted(node)) return [];
      if (ts.isTemplateExpression(node)) return keyOfTemplate(node);
      const inside = node.parent && literalOf(node.parent) !== undefined;
      return inside ? [] : (literalOf(node) ?? []);
    }),
  );

const told = textsOf(toldIn);
/** Texts that may be translated although nothing asks for them: how something was measured, and reasons. */
export const tellable: ReadonlySet<string> = new Set([...told, ...textsOf(clausesIn)]);

const sentences = told.filter((text) => /^["\p{Lu}{].*\p{L}{2} .*[.?]$/su.test(text) && isRecognised(text));

export const messages: readonly string[] = [
  ...new Set([...calls.flatMap((call) => literalOf(call.arguments[0]) ?? []), ...knownTexts, ...sentences]),
];
