/** The texts that the extension shows at run time, found in its source with TypeScript's parser. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { knownBases, placesOf } from '../../src/base-models/registry.ts';
import { stepIds, titleOf } from '../../src/protocol/next-step.ts';

const folder = 'src/extension';

/** `tKnown` is called with these only. */
export const knownTexts = [
  ...stepIds.map((id) => titleOf({ id })),
  ...knownBases.flatMap((base) => [base.about, placesOf(base)]),
];

/** Each file of the extension as a tree; `l10n.ts` only passes texts on. */
export const sources: readonly ts.SourceFile[] = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts') && name !== 'l10n.ts')
  .map((name) => {
    const path = join(folder, name);
    return ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest, true);
  });

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

/** Whether it runs while its file is loaded: no function is around it. */
export function isOnTop(node: ts.Node): boolean {
  if (ts.isFunctionLike(node)) return false;
  return node.parent === undefined || isOnTop(node.parent);
}

/** The text of a literal, or of literals that are added; else undefined. */
export function literalOf(node: ts.Node | undefined): string | undefined {
  if (!node) return undefined;
  if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) return node.text;
  if (!ts.isBinaryExpression(node) || node.operatorToken.kind !== ts.SyntaxKind.PlusToken) return undefined;
  const [left, right] = [literalOf(node.left), literalOf(node.right)];
  return left === undefined || right === undefined ? undefined : left + right;
}

/** The calls of `t`. */
export const calls: readonly ts.CallExpression[] = sources.flatMap((source) =>
  [...nodesIn(source)].filter(
    (node): node is ts.CallExpression => isCallOf(node, 't') && ts.isIdentifier(node.expression),
  ),
);

export const messages: readonly string[] = [
  ...new Set([...calls.flatMap((call) => literalOf(call.arguments[0]) ?? []), ...knownTexts]),
];
