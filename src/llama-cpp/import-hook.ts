/**
 * Lets Node find packages that are not in a node_modules above the file that imports them: node-llama-cpp imports its
 * binaries by name and has no setting for where they are, and the extension's folder is not ours to write to.
 */
import * as nodeModule from 'node:module';

type Modules = Readonly<Record<string, string>>;
type Resolved = { url: string; format?: string; shortCircuit?: boolean };
type Resolve = (name: string, context: object, next: (name: string, context: object) => Resolved) => Resolved;

/** Newer than the types: since Node 22.15, without a thread of its own. */
const { registerHooks } = nodeModule as { registerHooks?: (hooks: { resolve: Resolve }) => void };

/** The same for older Nodes, as a module; it runs in Node's thread for such hooks. */
const HOOKS = `let modules = {};
export function initialize(data) { modules = data; }
export function resolve(name, context, next) {
  return Object.hasOwn(modules, name)
    ? { url: modules[name], format: 'module', shortCircuit: true }
    : next(name, context);
}`;

/** From now on, importing a name in `modules` loads the ES module at that `file:` URL. */
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
