/** Starts a host and its server on a loopback port. */
import type { AddressInfo } from 'node:net';
import { totalmem } from 'node:os';
import { usableProcessors } from '../../platform/machine/processors.ts';
import { UserError } from '../../text/errors.ts';
import { writeAnnouncement, removeAnnouncement } from '../client/announcement.ts';
import { createApp } from './app.ts';
import { Leases } from './leases.ts';
import { openLlamaHost, type LlamaHost, type LlamaHostOptions } from '../host/llama-host.ts';
import { pruneCopies } from '../folding/copies.ts';
import { IdleFolding, logError } from '../folding/idle-folding.ts';
import { IdleMeasuring } from '../threads/idle-measuring.ts';
import { idleTimer, type IdleOptions } from './idle-timer.ts';
import type { ServiceOptions } from './service.ts';

export interface ServerOptions
  extends LlamaHostOptions, IdleOptions, Pick<ServiceOptions, 'queue' | 'timeoutSeconds'> {
  token: string;
  /**
   * Memory for contexts, adapters and models besides the base, in MB (10^6 bytes). Default: a quarter of the
   * machine's.
   */
  memoryMb?: number | undefined;
  /** Default 0: a free port. */
  port?: number | undefined;
  /**
   * File in which to announce the server, for clients that hold it with `/lease`. `onIdle` is called when none is
   * left.
   */
  announceIn?: string | undefined;
  /** Make folded copies of adapters while idle, and use them. */
  fold?: boolean | undefined;
}

export interface RunningServer {
  port: number;
  host: LlamaHost;
  close(): Promise<void>;
}

const MEMORY_SHARE = 0.25;
/** Files the user switches between, besides the current one. */
const KEPT_PROMPTS = 2;

/** Opens the host, then listens on 127.0.0.1 only. Throws UserError `port-taken`, and what openLlamaHost throws. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { token, memoryMb, queue, timeoutSeconds, sequences = 1 } = options;
  const folding = options.fold ? new IdleFolding(options) : undefined;
  const host: LlamaHost = await openLlamaHost({
    keptPrompts: KEPT_PROMPTS,
    keepOnDisk: true,
    folded: folding,
    ...options,
    threads: options.threads ?? 'later',
    memoryLimit: memoryMb === undefined ? totalmem() * MEMORY_SHARE : memoryMb * 1e6,
    onMoved: (device) => {
      leases?.sendAgain();
      options.onMoved?.(device);
    },
  });
  const { announceIn, onIdle = () => undefined } = options;
  const isAnswering = () => host.statistics.active > 0;
  const idle = idleTimer(options, () => isAnswering() || (folding?.isMaking ?? false));
  const leases = announceIn === undefined ? undefined : new Leases({ onUnused: onIdle, isAnswering });
  const app = await createApp(host, {
    token,
    queue,
    timeoutSeconds,
    slots: concurrentModels(host) * sequences,
    perModel: sequences,
    leases,
    onActivity: idle.touch,
  });
  // Also prunes copies that are no longer used because the user turned them off.
  pruneCopies().catch(logError);
  folding?.start(host);
  // The next request of a client that holds it starts a server that uses the GPU.
  const measuring = new IdleMeasuring(host, announceIn === undefined ? undefined : onIdle);
  measuring.start();
  const close = async () => {
    folding?.stop();
    measuring.stop();
    idle.stop();
    if (announceIn !== undefined) await removeAnnouncement(announceIn, { token });
    leases?.end();
    await app.close();
    await host.dispose();
  };
  try {
    await app.listen({ host: '127.0.0.1', port: options.port ?? 0 });
    const { port } = app.server.address() as AddressInfo;
    if (announceIn !== undefined)
      await writeAnnouncement(announceIn, { version: 1, pid: process.pid, port, token });
    return { port, host, close };
  } catch (error) {
    await close();
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    throw new UserError(
      'port-taken',
      `Port ${options.port} is taken by another program.`,
      'Choose another --port, or leave it out to get a free one.',
      {
        cause: error,
      },
    );
  }
}

/** Number of models that compute in parallel: as many as the processors have threads for, or one on a GPU. */
function concurrentModels({ device: { backend }, threads }: LlamaHost): number {
  return backend === 'cpu' ? Math.max(1, Math.floor(usableProcessors() / threads)) : 1;
}
