import type { IndexedLanguage } from './language.ts';

export const php: IndexedLanguage = {
  grammar: 'php',
  extensions: ['php'],
  definitions: `
    (function_definition name: (name) @name body: (_) @body) @function
    (method_declaration name: (name) @name) @function
    (method_declaration name: (name) @name body: (_) @body) @function
    (class_declaration name: (name) @name body: (_) @body) @class
    (interface_declaration name: (name) @name body: (_) @body) @class
    (trait_declaration name: (name) @name body: (_) @body) @class
    (enum_declaration name: (name) @name body: (_) @body) @class
    (const_declaration (const_element (name) @name)) @value
  `,
};
