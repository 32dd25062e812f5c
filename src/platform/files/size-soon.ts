/** Sizes of files, without waiting for a network folder that has vanished: it may answer after minutes, or never. */
import { stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { InProgress } from './in-progress.ts';

const SOON_MS = 2000;
/** Questions without an answer yet. Each keeps one of Node's few threads, so none is asked twice. */
const asked = new InProgress<number | undefined>();

/** In bytes; undefined if the file can't be reached, or not soon. */
export function sizeSoon(path: string): Promise<number | undefined> {
  const size = asked.do(path, async () => (await stat(path).catch(() => undefined))?.size);
  return Promise.race([size, sleep(SOON_MS, undefined, { ref: false })]);
}
