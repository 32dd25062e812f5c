/** What is loaded of tree-sitter, by names, as in `platform/network/undici.ts`. */
export { Language, Parser, Query } from '@vscode/tree-sitter-wasm';
