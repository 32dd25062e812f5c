/**
 * The second line of defence. A program can't reach JavaScript (boundary.ts); if it ever could, this thread would still
 * have no modules, files, processes, sockets or eval, and no built-in object could be changed to falsify the verdict.
 */
import fs from 'node:fs';
import Module from 'node:module';

/** Global names that the thread keeps: the language itself, WebAssembly and text encoding. */
const allowedGlobals = new Set(
  `Object Array Function Number Boolean String Symbol BigInt Date Promise RegExp Error AggregateError EvalError RangeError
  ReferenceError SyntaxError TypeError URIError Math JSON Reflect Proxy Map Set WeakMap WeakSet WeakRef
  FinalizationRegistry ArrayBuffer SharedArrayBuffer DataView Atomics Int8Array Uint8Array Uint8ClampedArray Int16Array
  Uint16Array Int32Array Uint32Array Float32Array Float64Array BigInt64Array BigUint64Array Iterator WebAssembly
  TextEncoder TextDecoder Infinity NaN undefined globalThis isFinite isNaN parseFloat parseInt decodeURI
  decodeURIComponent encodeURI encodeURIComponent performance console queueMicrotask`.split(/\s+/),
);

/**
 * Removes the ways out of this thread: loaded modules, and loading others. JavaScript from text is forbidden in the
 * whole process (host.ts).
 */
export function lockDown(): void {
  const deny = () => {
    throw new Error('the sandbox has no host');
  };
  for (const library of [fs, fs.promises] as unknown as Record<string, unknown>[]) {
    for (const name of Object.getOwnPropertyNames(library)) {
      if (typeof Object.getOwnPropertyDescriptor(library, name)?.value !== 'function') continue;
      // Deleting first makes the name new to V8, which is much faster than changing an existing function.
      delete library[name];
      library[name] = deny;
    }
  }
  Module.syncBuiltinESMExports();
  Object.assign(Module, { _load: deny, createRequire: deny });
  // Covers code that has kept `process`, which has its own loaders.
  for (const name of ['binding', '_linkedBinding', 'dlopen', 'getBuiltinModule'])
    Object.defineProperty(process, name, { value: deny });
  const scope = globalThis as Record<string, unknown>;
  for (const name of Object.getOwnPropertyNames(scope)) if (!allowedGlobals.has(name)) delete scope[name];
  freezeIntrinsics();
}

/** Freezes everything reachable from the language's own names, including prototypes and accessors. */
export function freezeIntrinsics(): void {
  const scope = globalThis as Record<string, unknown>;
  const hidden = [
    [][Symbol.iterator](),
    (function* () {})(),
    (async function* () {})(),
    async function () {},
    new Map().entries(),
    new Set().entries(),
    ''[Symbol.iterator](),
    'a'.matchAll(/a/g),
  ];
  const frozen = new Set<object>();
  const queue: unknown[] = [...allowedGlobals].map((name) => scope[name]);
  queue.push(...hidden.map((value) => Object.getPrototypeOf(value) as unknown));
  while (queue.length) {
    const value = queue.pop();
    if (value === scope || frozen.has(value as object) || Object(value) !== value) continue;
    const object = value as object;
    frozen.add(object);
    Object.freeze(object);
    queue.push(Object.getPrototypeOf(object));
    for (const property of Object.values(Object.getOwnPropertyDescriptors(object)))
      queue.push(property.value, property.get, property.set);
  }
}
