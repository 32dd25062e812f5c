import type { IndexedLanguage } from './language.ts';

export const rust: IndexedLanguage = {
  grammar: 'rust',
  extensions: ['rs'],
  definitions: `
    (function_item name: (identifier) @name body: (_) @body) @function
    (function_signature_item name: (identifier) @name) @function
    (struct_item name: (type_identifier) @name) @type
    (union_item name: (type_identifier) @name) @type
    (enum_item name: (type_identifier) @name) @type
    (type_item name: (type_identifier) @name) @type
    (trait_item name: (type_identifier) @name body: (_) @body) @class
    (macro_definition name: (identifier) @name) @function
    (const_item name: (identifier) @name) @value
    (static_item name: (identifier) @name) @value
  `,
};
