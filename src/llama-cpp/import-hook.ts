/**
 * Lets Node find packages outside node_modules: node-llama-cpp imports its binaries by name, with no setting for their
 * location, and the extension's folder must not be modified.
 */
import * as nodeModule from 'node:module';

type Modules = Readonly<Record<string, string>>;
type Resolved = { url: string; format?: string; shortCircuit?: boolean };
type Resolve = (name: string, context: object, next: (name: string, context: object) => Resolved) => Resolved;

/** Missing from the types. Since Node 22.15; runs in the same thread. */
const { registerHooks } = nodeModule as { registerHooks?: (hooks: { resolve: Resolve }) => void };

/** The same for older versions of Node, as a module that runs in Node's thread for hooks. */
const HOOKS = `let modules = {};
export function initialize(data) { modules = data; }
export function resolve(name, context, next) {
  return Object.hasOwn(modules, name)
    ? { url: modules[name], format: 'module', shortCircuit: true }
    : next(name, context);
}`;

/** Makes imports of a name in `modules` load the ES module at that `file:` URL. */
export function installLlamaImportHook(modules: Modules): void {
  if (Object.keys(modules).length === 0) return;
  if (!registerHooks)
    return nodeModule.register(`data:text/javascript,${encodeURIComponent(HOOKS)}`, { data: modules });
  registerHooks({
    resolve: (name, context, next) =>
      Object.hasOwn(modules, name)
        ? { url: modules[name]!, format: 'module', shortCircuit: true }
        : next(name, context),
  });
}
