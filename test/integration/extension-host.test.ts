import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const bundle = join(import.meta.dirname, '../../dist/extension.cjs');

/** As VS Code's extension host, which reports extensions that read `navigator` (PendingMigrationError). */
const host = `
Object.defineProperty(globalThis, 'navigator', { get: () => { console.log(new Error('navigator was read').stack); } });
const Module = require('node:module');
const load = Module._load;
const keys = { prototype: {}, [Symbol.iterator]: () => [].values(), [Symbol.toPrimitive]: () => '' };
const any = new Proxy(function () {}, {
  get: (_, key) => (Object.hasOwn(keys, key) ? keys[key] : any),
  apply: () => any,
  construct: () => any,
  // The bundle reads the editor's API through an object that inherits from it.
  getPrototypeOf: () => any,
});
Module._load = (name, ...more) => (name === 'vscode' ? any : load(name, ...more));
console.log(typeof require(${JSON.stringify(bundle)}).activate);
process.exit();
`;

it('the extension loads without reading a global that VS Code reports', () => {
  expect(execFileSync(process.execPath, ['-e', host], { encoding: 'utf8' })).toBe('function\n');
});
