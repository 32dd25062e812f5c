/** The limit of the wasm backend. Apart from it, because the extension plans memory without loading TF.js. */
import { msg } from '../../text/message.ts';

/** Bytes that the memory of TF.js's module can grow to, whatever the machine has. */
export const WASM_HEAP = 2 ** 32 - 2 ** 16;

/** What to do about it. */
export const BEYOND_WASM = msg`Train from a smaller base, or with --backend tensorflow or webgpu.`;
