/** Client of Ray's Jobs REST API, as far as we use it. Every response is validated. */
import { on } from 'node:events';
import type { Readable } from 'node:stream';
import { z } from 'zod';
import { msg, UserError } from '../../text/errors.ts';
import { sendRequest, headersFor, lastLine, type RayRequest, type Cluster } from './http.ts';

/** In milliseconds; a dashboard queries other processes of its cluster. */
const RESPONSE_MS = 30_000;
/** Allows for a slow connection. */
const UPLOAD_MS = 30 * 60_000;
const SUBMIT_MS = 120_000;
const LOGS_MS = 120_000;
/** Ray stops sending a log file after this time; a large result may take hours over a slow connection. */
const LOG_FILE_MS = 24 * 3600_000;
/** TCP keep-alive delay for an idle connection. */
const KEEP_ALIVE_MS = 30_000;

/** The largest request body that Ray's dashboard accepts. */
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
  /** Ray's message about it, in one sentence, or empty. */
  message: string;
}
/** Whether the job has ended, successfully or not. */
export const isFinished = (status: JobStatus) => !['PENDING', 'RUNNING'].includes(status);

/** The supported API version, and the oldest release that the driver supports. */
const API_VERSION = '4';
const OLDEST = { major: 2, minor: 40 };

/** The cluster, or something on the way to it, does not accept WebSockets. */
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

  /**
   * Ray's release on the cluster. Errors: cluster-unknown, cluster-version, and those of sendRequest, as for all
   * methods below.
   */
  async version(signal?: AbortSignal): Promise<string> {
    const versions = await this.json(versionSchema, '/api/version', { signal, timeoutMs: RESPONSE_MS });
    const [major = 0, minor = 0] = versions.ray_version.split('.').map(Number);
    const isSupported = major === OLDEST.major && minor >= OLDEST.minor && versions.version === API_VERSION;
    if (isSupported) return versions.ray_version;
    const release = lastLine(this.cluster, versions.ray_version) ?? '';
    const oldest = `${OLDEST.major}.${OLDEST.minor}`;
    throw new UserError(
      'cluster-version',
      msg`The cluster at ${this.host} runs Ray ${release}, which this version does not support.`,
      msg`Use a cluster of Ray ${oldest} or a newer one of the same series.`,
    );
  }

  /** Whether the cluster has a package; if so, it keeps it for another ten minutes. */
  async hasPackage(name: string, signal?: AbortSignal): Promise<boolean> {
    const { status } = await sendRequest(this.cluster, packagePath(name), {
      signal,
      timeoutMs: RESPONSE_MS,
      acceptedStatuses: [404],
    });
    return status !== 404;
  }

  async putPackage(name: string, bytes: Buffer, signal?: AbortSignal): Promise<void> {
    await sendRequest(this.cluster, packagePath(name), {
      method: 'PUT',
      body: bytes,
      signal,
      timeoutMs: UPLOAD_MS,
    });
  }

  /** Submits a job, unless one with this id exists. */
  async submit(
    { submissionId, entrypoint, runtimeEnv, metadata }: NewJob,
    signal?: AbortSignal,
  ): Promise<void> {
    if (await this.job(submissionId, signal)) return;
    await this.json(submittedSchema, '/api/jobs/', {
      method: 'POST',
      body: { entrypoint, submission_id: submissionId, runtime_env: runtimeEnv, metadata },
      signal,
      timeoutMs: SUBMIT_MS,
    });
  }

  /** undefined if the cluster does not know the job. */
  async job(id: string, signal?: AbortSignal): Promise<JobState | undefined> {
    const path = jobPath(id);
    const { status, text } = await sendRequest(this.cluster, path, {
      signal,
      timeoutMs: RESPONSE_MS,
      acceptedStatuses: [404],
    });
    if (status === 404) {
      this.requireJobMissing(text);
      return undefined;
    }
    const job = this.parse(jobSchema, text);
    return { status: job.status, message: lastLine(this.cluster, job.message ?? '') ?? '' };
  }

  /** A 404 from another server says nothing about the job. */
  private requireJobMissing(text: string): void {
    if (!/does not exist/.test(text)) throw this.unknownServer();
  }

  /** Asks the job to stop. Returns whether it existed and was running. */
  async stop(id: string, signal?: AbortSignal): Promise<boolean> {
    const ask: RayRequest = { method: 'POST', signal, timeoutMs: RESPONSE_MS, acceptedStatuses: [404] };
    const { status, text } = await sendRequest(this.cluster, `${jobPath(id)}/stop`, ask);
    return status !== 404 && this.parse(stoppedSchema, text).stopped;
  }

  /** The job's complete output so far. */
  async logs(id: string, signal?: AbortSignal): Promise<string> {
    const { logs } = await this.json(logsSchema, `${jobPath(id)}/logs`, { signal, timeoutMs: LOGS_MS });
    return logs;
  }

  /** Streams a file from a node's log folder to `onBody`. It may be larger than the maximum string length. */
  async logFile(
    nodeId: string,
    file: string,
    onBody: (body: Readable) => Promise<void>,
    signal?: AbortSignal,
  ): Promise<void> {
    const query = new URLSearchParams({
      node_id: nodeId,
      filename: file,
      // The whole file.
      lines: '-1',
      timeout: String(LOG_FILE_MS / 1000),
    });
    await sendRequest(this.cluster, `/api/v0/logs/file?${query}`, { signal, timeoutMs: LOGS_MS, onBody });
  }

  /**
   * Streams the job's output from the beginning; ends when the server closes the connection, which it does once the job
   * has ended. Throws NoWebSocket if it can't connect (for example through a proxy), an Error if the connection breaks.
   */
  async *tail(id: string, signal: AbortSignal): AsyncGenerator<string> {
    const { WebSocket } = await import('ws');
    const url = `${this.cluster.address.url.replace(/^http/, 'ws')}${jobPath(id)}/logs/tail`;
    // With compression, Ray 2.60 sends nothing at all, to any client that was tried.
    const socket = new WebSocket(url, {
      headers: headersFor(this.cluster),
      perMessageDeflate: false,
      handshakeTimeout: RESPONSE_MS,
    });
    // TCP keep-alive, because Ray does not answer pings: otherwise a connection lost while the machine slept would
    // hang.
    socket.on('upgrade', (answer) => answer.socket.setKeepAlive(true, KEEP_ALIVE_MS));
    let opened = false;
    let code = 0;
    socket.on('open', () => (opened = true));
    socket.on('close', (reason) => (code = reason));
    // Also when it is terminated, after `on` has stopped listening.
    socket.on('error', () => undefined);
    try {
      for await (const [text] of on(socket, 'message', { signal, close: ['close'] })) yield String(text);
    } catch {
      // It was aborted, or is broken.
    } finally {
      socket.terminate();
    }
    if (signal.aborted || [1000, 1005].includes(code)) return;
    throw opened ? new Error('The connection is broken.') : new NoWebSocket('The connection was refused.');
  }

  private async json<T>(schema: z.ZodType<T>, path: string, ask: RayRequest): Promise<T> {
    return this.parse(schema, (await sendRequest(this.cluster, path, ask)).text);
  }

  private parse<T>(schema: z.ZodType<T>, text: string): T {
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch {
      throw this.unknownServer();
    }
    const parsed = schema.safeParse(json);
    if (parsed.success) return parsed.data;
    throw this.unknownServer();
  }

  private unknownServer = () =>
    new UserError(
      'cluster-unknown',
      msg`What answers at ${this.host} is not the dashboard of a Ray cluster that this version understands.`,
      msg`Check the address; the dashboard usually has port 8265.`,
    );
}

const jobPath = (id: string) => `/api/jobs/${encodeURIComponent(id)}`;
const packagePath = (name: string) => `/api/packages/gcs/${encodeURIComponent(name)}`;
/** URI of a package in a runtime environment. */
export const packageUri = (name: string) => `gcs://${name}`;
