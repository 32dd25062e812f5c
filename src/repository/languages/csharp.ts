import type { IndexedLanguage } from './language.ts';

export const csharp: IndexedLanguage = {
  grammar: 'c-sharp',
  extensions: ['cs'],
  definitions: `
    (class_declaration name: (identifier) @name body: (_) @body) @class
    (interface_declaration name: (identifier) @name body: (_) @body) @class
    (struct_declaration name: (identifier) @name body: (_) @body) @class
    (record_declaration name: (identifier) @name) @type
    (enum_declaration name: (identifier) @name body: (_)) @type
    (delegate_declaration name: (identifier) @name) @type
    (method_declaration name: (identifier) @name) @function
    (method_declaration name: (identifier) @name body: (_) @body) @function
    (constructor_declaration name: (identifier) @name body: (_) @body) @function
    (property_declaration name: (identifier) @name) @value
  `,
};
