/** Ray's Jobs interface over REST, as far as we use it. Every answer is checked. */
import type { Readable } from 'node:stream';
import { z } from 'zod';
import { msg, UserError } from '../../text/errors.ts';
import { askRay, headersFor, said, type Ask, type Cluster } from './http.ts';

/** Milliseconds. A dashboard asks other processes of its cluster. */
const ANSWER_MS = 30_000;
/** A package may go over a slow line. */
const UPLOAD_MS = 30 * 60_000;
const SUBMIT_MS = 120_000;
const LOGS_MS = 120_000;
/** Ray ends the sending of a log's file after this time; a large result goes over a slow line for hours. */
const LOG_FILE_MS = 24 * 3600_000;
/** A connection over which nothing comes is asked after this time whether it still is one. */
const SILENT_MS = 30_000;

/** The largest body that Ray's dashboard takes. */
export const LARGEST_PACKAGE = 100 * 2 ** 20;

const versionSchema = z.object({ version: z.string(), ray_version: z.string() });
const submittedSchema = z.object({ submission_id: z.string() });
const jobSchema = z.object({
  status: z.enum(['PENDING', 'RUNNING', 'STOPPED', 'SUCCEEDED', 'FAILED']),
  message: z.string().nullish(),
});
const logsSchema = z.object({ logs: z.string() });
const stoppedSchema = z.object({ stopped: z.boolean() });

export type JobStatus = z.infer<typeof jobSchema>['status'];
export interface JobState {
  status: JobStatus;
  /** What Ray says about it, in one sentence; empty if nothing. */
  message: string;
}
/** The job has come to an end, well or not. */
export const isOver = (status: JobStatus) => !['PENDING', 'RUNNING'].includes(status);

/** The interface that we know, and the first release whose workers the driver was written for. */
const INTERFACE = '4';
const OLDEST = { major: 2, minor: 40 };

/** The cluster, or what is on the way to it, takes no WebSocket. */
export class NoWebSocket extends Error {}

export interface NewJob {
  submissionId: string;
  entrypoint: string;
  runtimeEnv: Record<string, unknown>;
  metadata: Record<string, string>;
}

export class RayClient {
  constructor(readonly cluster: Cluster) {}

  private get host(): string {
    return this.cluster.address.host;
  }

  /** Ray's release there. Errors: cluster-unknown, cluster-version, and those of askRay, as for all that follow. */
  async version(signal?: AbortSignal): Promise<string> {
    const found = await this.json(versionSchema, '/api/version', { signal, within: ANSWER_MS });
    const [major = 0, minor = 0] = found.ray_version.split('.').map(Number);
    const known = major === OLDEST.major && minor >= OLDEST.minor && found.version === INTERFACE;
    if (known) return found.ray_version;
    const release = said(this.cluster, found.ray_version) ?? '';
    const oldest = `${OLDEST.major}.${OLDEST.minor}`;
    throw new UserError(
      'cluster-version',
      msg`The cluster at ${this.host} runs Ray ${release}, which this version does not know.`,
      msg`Use a cluster of Ray ${oldest} or a newer one of the same series.`,
    );
  }

  /** Whether the cluster has a package; if so, it keeps it for the next ten minutes. */
  async hasPackage(name: string, signal?: AbortSignal): Promise<boolean> {
    const { status } = await askRay(this.cluster, packagePath(name), {
      signal,
      within: ANSWER_MS,
      also: [404],
    });
    return status !== 404;
  }

  async putPackage(name: string, bytes: Buffer, signal?: AbortSignal): Promise<void> {
    await askRay(this.cluster, packagePath(name), {
      method: 'PUT',
      body: bytes,
      signal,
      within: UPLOAD_MS,
    });
  }

  /** Submits a job; one that was submitted with this id already is left as it is. */
  async submit(
    { submissionId, entrypoint, runtimeEnv, metadata }: NewJob,
    signal?: AbortSignal,
  ): Promise<void> {
    if (await this.job(submissionId, signal)) return;
    await this.json(submittedSchema, '/api/jobs/', {
      method: 'POST',
      body: { entrypoint, submission_id: submissionId, runtime_env: runtimeEnv, metadata },
      signal,
      within: SUBMIT_MS,
    });
  }

  /** undefined if the cluster does not know the job. */
  async job(id: string, signal?: AbortSignal): Promise<JobState | undefined> {
    const path = jobPath(id);
    const { status, text } = await askRay(this.cluster, path, { signal, within: ANSWER_MS, also: [404] });
    if (status === 404) {
      this.requireAbsent(text);
      return undefined;
    }
    const job = this.parse(jobSchema, text);
    return { status: job.status, message: said(this.cluster, job.message ?? '') ?? '' };
  }

  /** A 404 of another server says nothing about the job. */
  private requireAbsent(text: string): void {
    if (!/does not exist/.test(text)) throw this.unknown();
  }

  /** Asks the job to end. Returns whether it was there and running. */
  async stop(id: string, signal?: AbortSignal): Promise<boolean> {
    const ask: Ask = { method: 'POST', signal, within: ANSWER_MS, also: [404] };
    const { status, text } = await askRay(this.cluster, `${jobPath(id)}/stop`, ask);
    return status !== 404 && this.parse(stoppedSchema, text).stopped;
  }

  /** All that the job has printed. */
  async logs(id: string, signal?: AbortSignal): Promise<string> {
    const { logs } = await this.json(logsSchema, `${jobPath(id)}/logs`, { signal, within: LOGS_MS });
    return logs;
  }

  /** Hands a whole file of a node's folder of logs to `take`. It may be larger than a text can be. */
  async logFile(
    nodeId: string,
    file: string,
    take: (body: Readable) => Promise<void>,
    signal?: AbortSignal,
  ): Promise<void> {
    const query = new URLSearchParams({
      node_id: nodeId,
      filename: file,
      // All of it.
      lines: '-1',
      timeout: String(LOG_FILE_MS / 1000),
    });
    await askRay(this.cluster, `/api/v0/logs/file?${query}`, { signal, within: LOGS_MS, take });
  }

  /**
   * What the job prints, from its beginning, as it comes; ends when the server closes the connection, which it does
   * once the job has ended. Throws NoWebSocket if there is no connection (as through a proxy), an Error if it breaks.
   */
  async *tail(id: string, signal: AbortSignal): AsyncGenerator<string> {
    const { WebSocket } = await import('ws');
    const url = `${this.cluster.address.url.replace(/^http/, 'ws')}${jobPath(id)}/logs/tail`;
    // Where compression is agreed upon, Ray 2.60 sends nothing at all: so did it with every client that was tried.
    const socket = new WebSocket(url, {
      headers: headersFor(this.cluster),
      perMessageDeflate: false,
      handshakeTimeout: ANSWER_MS,
    });
    // By TCP, because Ray answers no pings: without it, a connection that a sleeping machine has lost is waited for.
    socket.on('upgrade', (answer) => answer.socket.setKeepAlive(true, SILENT_MS));
    const heard: string[] = [];
    let opened = false;
    let end: { broken: boolean } | undefined;
    let wake = () => {};
    const finish = (broken: boolean) => {
      end ??= { broken };
      wake();
    };
    socket.on('open', () => (opened = true));
    socket.on('message', (data) => {
      heard.push(data.toString());
      wake();
    });
    socket.on('close', (code) => finish(![1000, 1005].includes(code)));
    socket.on('error', () => finish(true));
    const stop = () => finish(false);
    signal.addEventListener('abort', stop);
    try {
      while (!signal.aborted) {
        const next = heard.shift();
        if (next !== undefined) yield next;
        else if (!end) await new Promise<void>((resolve) => (wake = resolve));
        else if (end.broken && !opened) throw new NoWebSocket('The connection was refused.');
        else if (end.broken) throw new Error('The connection is broken.');
        else return;
      }
    } finally {
      signal.removeEventListener('abort', stop);
      socket.terminate();
    }
  }

  private async json<T>(schema: z.ZodType<T>, path: string, ask: Ask): Promise<T> {
    return this.parse(schema, (await askRay(this.cluster, path, ask)).text);
  }

  private parse<T>(schema: z.ZodType<T>, text: string): T {
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch {
      throw this.unknown();
    }
    const parsed = schema.safeParse(json);
    if (parsed.success) return parsed.data;
    throw this.unknown();
  }

  private unknown = () =>
    new UserError(
      'cluster-unknown',
      msg`What answers at ${this.host} is no dashboard of a Ray cluster that this version understands.`,
      msg`Check the address; the dashboard usually has port 8265.`,
    );
}

const jobPath = (id: string) => `/api/jobs/${encodeURIComponent(id)}`;
const packagePath = (name: string) => `/api/packages/gcs/${encodeURIComponent(name)}`;
/** How a runtime environment names a package. */
export const packageUri = (name: string) => `gcs://${name}`;
