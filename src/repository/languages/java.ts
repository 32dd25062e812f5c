import type { IndexedLanguage } from './language.ts';

export const java: IndexedLanguage = {
  grammar: 'java',
  extensions: ['java'],
  definitions: `
    (class_declaration name: (identifier) @name body: (_) @body) @class
    (interface_declaration name: (identifier) @name body: (_) @body) @class
    (enum_declaration name: (identifier) @name body: (_) @body) @class
    (record_declaration name: (identifier) @name body: (_) @body) @class
    (annotation_type_declaration name: (identifier) @name) @type
    (method_declaration name: (identifier) @name) @function
    (method_declaration name: (identifier) @name body: (_) @body) @function
    (constructor_declaration name: (identifier) @name body: (_) @body) @function
  `,
};
