import js from '@eslint/js';
import { importX } from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

/** The house, from the ground up. A folder imports only from the floors below, never from its own or from above. */
const floors = [
  ['text', 'statistics'],
  ['platform', 'protocol'],
  ['findings', 'packages', 'gguf', 'completion'],
  ['tensor', 'base-models', 'runs', 'next-edit'],
  ['model', 'llama-cpp', 'corpus'],
  ['weights', 'repository'],
  ['serving'],
  ['next-edit-finder', 'training'],
  ['export'],
  ['evaluation'],
  ['sharing', 'reproduce'],
  ['cluster'],
  ['cli', 'extension'],
];

const zones = floors.flatMap((floor, level) =>
  floor.map((folder) => ({
    target: `./src/${folder}`,
    from: [...floor.filter((other) => other !== folder), ...floors.slice(level + 1).flat()].map(
      (name) => `./src/${name}`,
    ),
    message: 'Imports point downwards: see docs/architecture.md.',
  })),
);
const separate = (target, from, message) => ({ target, from, message });

export default tseslint.config(
  { ignores: ['dist', 'node_modules', '**/node_modules', 'test-results'] },
  js.configs.recommended,
  ...tseslint.configs.recommended,
  {
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { project: './tsconfig.json' } },
    plugins: { 'import-x': importX },
    settings: { 'import-x/resolver': { node: { extensions: ['.ts', '.js'] } } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { arguments: false } }],
      '@typescript-eslint/consistent-type-imports': 'error',
      'import-x/no-restricted-paths': [
        'error',
        {
          zones: [
            ...zones,
            separate(
              './src/extension',
              ['./src/cli', './src/tensor', './src/model', './src/gguf'],
              'The extension host never computes.',
            ),
            {
              target: './webview',
              from: './src',
              // Pure, without Node.
              except: [
                ...['./text', './protocol', './statistics', './findings'],
                ...['./base-models/registry.ts', './corpus/reasons.ts'],
              ],
              message: 'The panel runs in a browser: only what needs neither Node nor the editor.',
            },
            separate('./src', ['./webview'], 'The panel is told everything by messages.'),
          ],
        },
      ],
    },
  },
  {
    files: ['src/**/*.ts'],
    ignores: ['src/extension/**'],
    rules: {
      'no-restricted-imports': [
        'error',
        { paths: [{ name: 'vscode', message: 'Only extension/ imports vscode.' }] },
      ],
    },
  },
  {
    files: ['src/**/*.ts'],
    ignores: ['src/platform/processes/start.ts'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          paths: [
            { name: 'node:child_process' },
            { name: 'node:worker_threads', importNames: ['Worker'] },
          ].map((one) => ({
            ...one,
            allowTypeImports: true,
            message: 'Processes and threads start in platform/processes/start.ts.',
          })),
        },
      ],
    },
  },
  {
    files: ['src/cli/**/*.ts'],
    ignores: ['src/cli/view/output.ts'],
    rules: {
      'no-console': 'error',
      'no-restricted-syntax': [
        'error',
        {
          selector: "CallExpression[callee.property.name='write']",
          message: 'A terminal obeys what others wrote: print it with view/output.ts.',
        },
      ],
    },
  },
  {
    files: ['src/extension/**/*.ts'],
    ignores: ['src/extension/editor-ui.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        ...[
          "MemberExpression[object.property.name='window'][property.name=/^(show(Information|Warning|Error)Message|setStatusBarMessage|showQuickPick|withProgress)$/]",
          "NewExpression[callee.property.name='MarkdownString']",
        ].map((selector) => ({
          selector,
          message: 'The editor makes links and pictures of what others wrote: show it with shown.ts.',
        })),
      ],
    },
  },
  {
    files: ['**/*.mjs', '**/*.cjs', '**/*.js'],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        URL: 'readonly',
        Buffer: 'readonly',
        setTimeout: 'readonly',
        clearTimeout: 'readonly',
        fetch: 'readonly',
        AbortController: 'readonly',
      },
    },
  },
);
