/** The image of a started Python that has imported the modules that programs use: the non-zero pages of its memory. */
import type { Image } from './protocol.ts';

const PAGE = 4096;

/** Which pages are not zero. */
export function pagesInUse(memory: Uint8Array): boolean[] {
  const words = new BigUint64Array(memory.buffer, memory.byteOffset, memory.length / 8);
  const perPage = PAGE / 8;
  return Array.from({ length: memory.length / PAGE }, (_, page) =>
    words.subarray(page * perPage, (page + 1) * perPage).some((word) => word !== 0n),
  );
}

/**
 * `touched`: pages that a starting interpreter writes before its image is restored; they belong to the image even if
 * they are zero in it.
 */
export function takeImage(memory: Uint8Array, touched: boolean[], objects: Image['objects']): Image {
  const used = pagesInUse(memory).map((inUse, page) => inUse || touched[page]!);
  const runs: Image['runs'] = [];
  used.forEach((inUse, page) => {
    const last = runs.at(-1);
    if (inUse && last && last[0] + last[1] === page * PAGE) last[1] += PAGE;
    else if (inUse) runs.push([page * PAGE, PAGE]);
  });
  const pages = toShared(runs.reduce((sum, [, bytes]) => sum + bytes, 0));
  eachRun(runs, (from, at, bytes) => pages.set(memory.subarray(at, at + bytes), from));
  return { pages, runs, memoryBytes: memory.length, objects };
}

/** Restores the image into the memory of an interpreter that has just been started. */
export function restore({ pages, runs }: Image, memory: Uint8Array): void {
  eachRun(runs, (from, at, bytes) => memory.set(pages.subarray(from, from + bytes), at));
}

function eachRun(runs: Image['runs'], use: (from: number, at: number, bytes: number) => void): void {
  let from = 0;
  for (const [at, bytes] of runs) {
    use(from, at, bytes);
    from += bytes;
  }
}

export function toShared(content: number | Uint8Array): Uint8Array<SharedArrayBuffer> {
  const bytes = new Uint8Array(new SharedArrayBuffer(typeof content === 'number' ? content : content.length));
  if (typeof content !== 'number') bytes.set(content);
  return bytes;
}
