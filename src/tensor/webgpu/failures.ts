import { UserError } from '../../text/errors.ts';
import { formatBytes } from '../../text/units.ts';

export const lostError = (detail: string) =>
  new UserError(
    'gpu-lost',
    `The GPU was lost during the computation (${oneLine(detail) || 'no reason given'}).`,
    'Go on with {resume}, or use --backend tensorflow or wasm.',
  );

export const memoryError = () =>
  new UserError(
    'memory',
    'The GPU does not have enough memory for this.',
    'Train with a smaller --batch or --seq, from a smaller base, or with --backend tensorflow or wasm.',
  );

/** The device has no buffers this large. */
export const pieceError = (bytes: number, max: number) =>
  new UserError(
    'memory',
    `Training needs ${formatBytes(bytes)} of the GPU's memory in one piece, and this GPU gives ${formatBytes(max)} at most.`,
    'Train with a smaller --batch or --seq, from a smaller base, or with --backend tensorflow or wasm.',
  );

export const oneLine = (text: string) => text.replace(/\s*\n\s*/g, ' ').trim();
