import type { IndexedLanguage } from './language.ts';

export const ruby: IndexedLanguage = {
  grammar: 'ruby',
  extensions: ['rb', 'rake', 'gemspec'],
  definitions: `
    (method name: (_) @name) @function
    (method name: (_) @name body: (_) @body) @function
    (singleton_method name: (_) @name) @function
    (singleton_method name: (_) @name body: (_) @body) @function
    (class name: (_) @name body: (_) @body) @class
    (module name: (_) @name body: (_) @body) @class
    (assignment left: (constant) @name) @value
  `,
};
