import { createHash } from 'node:crypto';
import { openRegular } from './regular-file.ts';

/** SHA-256 of a file, or of its first `maxBytes` bytes, in lower-case hexadecimal. Throws like openRegular. */
export const sha256Of = async (
  path: string,
  onBytes?: (done: number) => void,
  maxBytes?: number,
): Promise<string> => (await digestOf(path, 'sha256', onBytes, maxBytes)).toString('hex');

/** Checksum of a file, or of its first `maxBytes` bytes. `algorithm`: Node's name for it. Throws like openRegular. */
export async function digestOf(
  path: string,
  algorithm: string,
  onBytes?: (done: number) => void,
  maxBytes = Infinity,
): Promise<Buffer> {
  const hash = createHash(algorithm);
  let done = 0;
  const file = await openRegular(path);
  for await (const chunk of file.createReadStream({ highWaterMark: 1 << 20, end: maxBytes - 1 })) {
    hash.update(chunk as Buffer);
    onBytes?.((done += (chunk as Buffer).length));
  }
  return hash.digest();
}
