/** JavaScript and TypeScript: three grammars, each a superset of the one before. */
import type { IndexedLanguage } from './language.ts';

const declared = ['(program ', '(program (export_statement '].map((outer, depth) => {
  const variable = '(variable_declarator name: (identifier) @name)';
  const inner = `[(lexical_declaration ${variable}) @value (variable_declaration ${variable}) @value]`;
  return outer + inner + ')'.repeat(depth + 1);
});

const definitions = `
  (function_declaration name: (identifier) @name body: (_) @body) @function
  (generator_function_declaration name: (identifier) @name body: (_) @body) @function
  (class_declaration name: (_) @name body: (_) @body) @class
  (method_definition name: (_) @name body: (_) @body) @function
  (variable_declarator name: (identifier) @name value: (arrow_function body: (_) @body)) @function
  ${declared.join('\n')}
`;

const typed = `${definitions}
  (function_signature name: (identifier) @name) @function
  (abstract_class_declaration name: (_) @name body: (_) @body) @class
  (abstract_method_signature name: (_) @name) @function
  (method_signature name: (_) @name) @function
  (interface_declaration name: (_) @name body: (_) @body) @class
  (type_alias_declaration name: (_) @name) @type
  (enum_declaration name: (_) @name body: (_) @body) @class
`;

export const script: readonly IndexedLanguage[] = [
  { grammar: 'javascript', extensions: ['js', 'mjs', 'cjs', 'jsx'], definitions },
  { grammar: 'typescript', extensions: ['ts', 'mts', 'cts'], definitions: typed },
  { grammar: 'tsx', extensions: ['tsx'], definitions: typed },
];
