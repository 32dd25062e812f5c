/** Losing the GPU (its driver was reset or updated, the machine slept) costs a run only a few steps. */
import { UserError } from '../../text/errors.ts';
import { msg, withTexts } from '../../text/message.ts';
import type { RunWriter } from '../../runs/writer.ts';
import { listCheckpoints } from '../checkpoints/store.ts';

/**
 * Calls `train` again, in a new process, after it lost its GPU: it continues from the last checkpoint. If no checkpoint
 * was written since the previous loss, the run ends: throws UserError `gpu-lost`. Other errors are rethrown.
 */
export async function retryAfterGpuLoss<T>(
  dir: string,
  writer: Pick<RunWriter, 'event'>,
  signal: AbortSignal,
  train: () => Promise<T>,
): Promise<T> {
  for (let lostBefore: number | undefined; ;) {
    try {
      return await train();
    } catch (error) {
      if (!(error instanceof UserError) || error.code !== 'gpu-lost' || signal.aborted) throw error;
      const last = (await listCheckpoints(dir)).at(-1) ?? 0;
      if (lostBefore === last) throw gpuLostAgain(error, last);
      lostBefore = last;
      const message = msg`The GPU was lost; training continues from step ${last}.`;
      await writer.event({ type: 'warning', ...withTexts({ message }) });
    }
  }
}

const gpuLostAgain = (cause: UserError, step: number) =>
  new UserError(
    'gpu-lost',
    msg`The GPU was lost twice while training continued from step ${step}.`,
    msg`Check its driver and its temperature, then continue with {resume}.`,
    { cause },
  );
