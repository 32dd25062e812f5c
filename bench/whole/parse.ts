/** Whether a text parses, by tree-sitter, which knows nothing of our own reading of brackets. */
import { join } from 'node:path';
import { Language, Parser } from '@vscode/tree-sitter-wasm';

const grammars = { python: 'python', typescript: 'typescript', go: 'go' } as const;
export type ParsedLanguage = keyof typeof grammars;
export const languages = Object.keys(grammars) as ParsedLanguage[];

/**
 * What a person may write next, behind the suggestion or at the end of its line, to complete the statement that it is
 * in: nothing that closes what the suggestion has opened.
 */
const goingOn: Record<ParsedLanguage, string[]> = {
  python: ['', ': pass', ' = 1', ' import x', ' else x', ' in x: pass', '\n'],
  typescript: ['', ' {}', ';', ' = x', ' from "x"', ' : x', ' => x', ': x', ': x;', ',', ' {},', ' of x) {}'],
  go: ['', ' {}', ':', ' := x', ' = x', ' int', ' int {}', ',', ' := range x {}'],
};

export class Judge {
  private constructor(private readonly parsers: Record<ParsedLanguage, Parser>) {}

  static async open(folder: string): Promise<Judge> {
    await Parser.init({ locateFile: () => join(folder, 'tree-sitter.wasm') });
    const entries = Object.entries(grammars).map(async ([id, grammar]) => {
      const parser = new Parser();
      parser.setLanguage(await Language.load(join(folder, `tree-sitter-${grammar}.wasm`)));
      return [id, parser] as const;
    });
    return new Judge(Object.fromEntries(await Promise.all(entries)) as Record<ParsedLanguage, Parser>);
  }

  parses(language: ParsedLanguage, text: string): boolean {
    const tree = this.parsers[language].parse(text)!;
    const { hasError } = tree.rootNode;
    tree.delete();
    return !hasError;
  }

  /** Whether the document is whole with a text at the cursor, or with an end of the statement in addition. */
  endsWhole(language: ParsedLanguage, before: string, text: string, after: string): boolean {
    const end = after.indexOf('\n');
    const [rest, below] = end < 0 ? [after, ''] : [after.slice(0, end), after.slice(end)];
    return goingOn[language].some(
      (more) =>
        this.parses(language, before + text + rest + more + below) ||
        (rest !== '' && this.parses(language, before + text + more + rest + below)),
    );
  }
}
