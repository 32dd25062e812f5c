/** What the index knows about a language: its grammar, and which syntax nodes are definitions. */

export interface IndexedLanguage {
  /** Name of the grammar's file: `tree-sitter-NAME.wasm`. */
  grammar: string;
  /** In lower case, without the dot. */
  extensions: readonly string[];
  /**
   * A tree-sitter query. In each match, the node that is named after a kind (`@function`, `@class`, `@type`, `@value`)
   * is the definition, `@name` its name, and `@body`, if any, what follows its signature.
   */
  definitions: string;
}
