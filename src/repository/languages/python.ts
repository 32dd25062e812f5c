import type { IndexedLanguage } from './language.ts';

export const python: IndexedLanguage = {
  grammar: 'python',
  extensions: ['py', 'pyi'],
  definitions: `
    (function_definition name: (identifier) @name body: (_) @body) @function
    (class_definition name: (identifier) @name body: (_) @body) @class
    (module (expression_statement (assignment left: (identifier) @name) @value))
  `,
};
