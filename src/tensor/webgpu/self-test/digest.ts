/** A hash that identifies the tested kernels. */
import { createHash } from 'node:crypto';
import packageJson from '../../../../package.json' with { type: 'json' };
import { tensorTypeNames } from '../../../gguf/types.ts';
import type { Kernel } from '../kernel.ts';
import { maskedSoftmax, softmaxGradient } from '../kernels/attention.ts';
import { crossEntropy } from '../kernels/cross-entropy.ts';
import { dequantise } from '../kernels/dequantise.ts';
import * as elementwise from '../kernels/elementwise.ts';
import { flash } from '../kernels/flash.ts';
import { joinHeads, splitHeads } from '../kernels/heads.ts';
import { norm, normGradient } from '../kernels/norm.ts';
import { adamw, lionw } from '../kernels/optimisers.ts';
import { product, sumSlices } from '../kernels/products.ts';
import { axisSums, logSoftmax, rowSums, softmax, squareSums } from '../kernels/reductions.ts';
import { addAt, gather } from '../kernels/rows.ts';
import { tileNames } from '../kernels/tiles.ts';
import { swiglu, swigluGradient } from '../kernels/swiglu.ts';

/** All kernels; for those with variants, a selection. */
export function knownKernels(): Kernel[] {
  const { copy, fromInteger, fill, unary, binary, putBlocks, addScaled, addMasked } = elementwise;
  const { forward, queryGradient, keyGradient } = flash;
  return [
    copy,
    fromInteger,
    fill,
    unary('mul'),
    binary('mul'),
    putBlocks,
    addScaled,
    addMasked,
    ...[maskedSoftmax, softmaxGradient, norm, normGradient, rowSums, softmax, logSoftmax].map((kernel) =>
      kernel(64),
    ),
    axisSums,
    squareSums,
    gather,
    addAt,
    swiglu,
    swigluGradient,
    splitHeads,
    joinHeads,
    crossEntropy,
    adamw,
    lionw,
    sumSlices,
    ...tensorTypeNames.map(dequantise),
    ...[forward, queryGradient, keyGradient].flatMap((kernel) => [kernel(64, false), kernel(128, true)]),
    ...tileNames.flatMap((tile) => [
      product(tile, false, true, { second: true, mask: 'a', plus: true }),
      product(tile, true, false, { second: true, mask: 'second', half: true }),
    ]),
  ];
}

/** Hashes our version and the kernels' source, so that changed kernels are tested again. */
export function digest(): string {
  const texts = knownKernels().flatMap(({ wgsl, inSubgroups }) => [
    wgsl,
    ...(inSubgroups ? [inSubgroups.wgsl] : []),
  ]);
  return createHash('sha256')
    .update([packageJson.version, ...texts].join())
    .digest('hex')
    .slice(0, 16);
}
