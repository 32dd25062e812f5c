/** C and C++: there is a grammar for C++ only, which nearly all of C is. */
import type { IndexedLanguage } from './language.ts';

const function_ = (name: string) => `
  (function_definition declarator: (function_declarator declarator: ${name}) body: (_) @body) @function
  (function_definition
    declarator: (pointer_declarator declarator: (function_declarator declarator: ${name})) body: (_) @body) @function
  (declaration declarator: (function_declarator declarator: ${name})) @function
  (declaration
    declarator: (pointer_declarator declarator: (function_declarator declarator: ${name}))) @function
`;

export const cpp: IndexedLanguage = {
  grammar: 'cpp',
  extensions: ['c', 'h', 'cc', 'cpp', 'cxx', 'hh', 'hpp', 'hxx'],
  definitions: `
    ${function_('(identifier) @name')}
    (struct_specifier name: (type_identifier) @name body: (_)) @type
    (union_specifier name: (type_identifier) @name body: (_)) @type
    (enum_specifier name: (type_identifier) @name body: (_)) @type
    (type_definition declarator: (type_identifier) @name) @type
    (preproc_def name: (identifier) @name) @value
    (preproc_function_def name: (identifier) @name) @function
    ${function_('(qualified_identifier name: (identifier) @name)')}
    (function_definition
      declarator: (function_declarator declarator: (field_identifier) @name) body: (_) @body) @function
    (field_declaration declarator: (function_declarator declarator: (field_identifier) @name)) @function
    (class_specifier name: (type_identifier) @name body: (_) @body) @class
    (alias_declaration name: (type_identifier) @name) @type
  `,
};
