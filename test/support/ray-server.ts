/**
 * A server that behaves like the Jobs API of Ray 2.60's dashboard, with answers recorded from a real one by bench/cluster.
 * Tests write the logs of its jobs.
 */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';

export interface RayJob {
  status: 'PENDING' | 'RUNNING' | 'STOPPED' | 'SUCCEEDED' | 'FAILED';
  message: string;
  logs: string;
  /** As submitted. */
  request: Record<string, unknown>;
}

/** Headers of browsers, whose requests Ray refuses to change anything; `fetch` sends one of them. */
const ofBrowsers = ['sec-fetch-mode', 'sec-fetch-site', 'sec-fetch-dest', 'origin', 'referer'];

export class RayServer {
  readonly packages = new Map<string, Buffer>();
  readonly jobs = new Map<string, RayJob>();
  /** Files in the nodes' log folders, by "NODE/FILE". */
  readonly logFiles = new Map<string, string>();
  /** Each makes one request for such a file fail: with a status, or truncated. */
  readonly logFailures: (number | 'cut')[] = [];
  readonly requests: string[] = [];
  version: object = {
    version: '4',
    ray_version: '2.60.0',
    ray_commit: '9ddd32d2a4c4f1d5f0a3b2e7c8d1e6f5a4b3c2d1',
    session_name: 'session_2026-11-27_21-12-00_000000_1',
  };
  /** Whether connections that follow logs are refused, as by a proxy without WebSockets. */
  refusesTails = false;
  /** Plays the driver of a submitted job. */
  onSubmit: (job: RayJob, id: string) => void = () => {};
  onStop: (job: RayJob) => void = (job) => (job.status = 'STOPPED');
  private readonly server = createServer((request, response) => void this.answer(request, response));
  private readonly tails = new Set<{ id: string; sent: number; socket: Duplex }>();
  private readonly sockets = new Set<Socket>();
  private timer: NodeJS.Timeout | undefined;
  private port = 0;

  constructor(private readonly token?: string) {
    this.server.on('upgrade', (request, socket) => this.upgrade(request, socket));
    this.server.on('connection', (socket) => {
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Starts it, on its previous port if any. */
  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.server.listen(this.port, '127.0.0.1', resolve));
    this.port = (this.server.address() as AddressInfo).port;
    this.timer = setInterval(() => this.feedTails(), 5);
    return this;
  }

  /** Ends all connections, as a killed dashboard does. Jobs stay. */
  async stop(): Promise<void> {
    clearInterval(this.timer);
    for (const socket of this.sockets) socket.destroy();
    this.tails.clear();
    if (this.server.listening) await new Promise((resolve) => this.server.close(resolve));
  }

  /** Breaks the connections that follow logs. */
  cutTails(): void {
    for (const tail of this.tails) tail.socket.destroy();
    this.tails.clear();
  }

  get following(): number {
    return this.tails.size;
  }

  private refusal(request: IncomingMessage): [status: number, text: string] | undefined {
    if (this.token) {
      const { authorization } = request.headers;
      if (!authorization) return [401, 'Unauthorized: Missing authentication token'];
      if (authorization !== `Bearer ${this.token}`) return [403, 'Forbidden: Invalid authentication token'];
    }
    const isBrowser = ofBrowsers.some((name) => name in request.headers);
    if (isBrowser && !['GET', 'HEAD', 'OPTIONS'].includes(request.method!))
      return [405, `'${request.method}' method not allowed for browser traffic.`];
    return undefined;
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    this.requests.push(`${request.method} ${request.url}`);
    const failure = request.url!.startsWith('/api/v0/logs/file') ? this.logFailures.shift() : undefined;
    if (failure === 'cut') {
      response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' });
      // The end of the chunks is missing, as from a killed dashboard.
      return void response.write('UEsD', () => response.destroy());
    }
    const [status, answer] = failure
      ? ([failure, 'Given node id a-node is not available.'] as const)
      : (this.refusal(request) ?? this.route(request, Buffer.concat(chunks)));
    const isText = typeof answer === 'string';
    response.writeHead(status, { 'content-type': isText ? 'text/plain; charset=utf-8' : 'application/json' });
    response.end(isText ? answer : JSON.stringify(answer));
  }

  private route({ method, url }: IncomingMessage, body: Buffer): [status: number, answer: string | object] {
    const { pathname, searchParams } = new URL(url!, this.url);
    const path = decodeURIComponent(pathname);
    if (path === '/api/version') return [200, this.version];
    const [, name] = /^\/api\/packages\/gcs\/(.+)$/.exec(path) ?? [];
    if (name) return this.package(method!, name, body);
    if (path === '/api/jobs/' && method === 'POST') return this.submit(body);
    if (path === '/api/v0/logs/file') {
      const text = this.logFiles.get(`${searchParams.get('node_id')}/${searchParams.get('filename')}`);
      return text === undefined ? [500, 'The file does not exist.'] : [200, text];
    }
    const [, id, rest = ''] = /^\/api\/jobs\/([^/]+)(.*)$/.exec(path) ?? [];
    if (id === undefined) return [404, '404: Not Found'];
    const job = this.jobs.get(id);
    if (!job) return [404, `Job ${id} does not exist`];
    if (rest === '/logs') return [200, { logs: job.logs }];
    if (rest === '/stop' && method === 'POST') {
      const stopped = ['PENDING', 'RUNNING'].includes(job.status);
      if (stopped) this.onStop(job);
      return [200, { stopped }];
    }
    return [200, { type: 'SUBMISSION', submission_id: id, status: job.status, message: job.message }];
  }

  private package(method: string, name: string, body: Buffer): [status: number, answer: string] {
    if (method === 'PUT') this.packages.set(name, body);
    return this.packages.has(name) ? [200, ''] : [404, `Package gcs://${name} does not exist`];
  }

  private submit(body: Buffer): [status: number, answer: string | object] {
    const request = JSON.parse(body.toString()) as Record<string, unknown>;
    const id = String(request['submission_id']);
    const job: RayJob = {
      status: 'RUNNING',
      message: 'Job is currently running.',
      logs: '',
      request,
    };
    this.jobs.set(id, job);
    this.onSubmit(job, id);
    return [200, { job_id: id, submission_id: id }];
  }

  private upgrade(request: IncomingMessage, socket: Duplex): void {
    socket.on('error', () => undefined);
    this.requests.push(`WS ${request.url}`);
    const [, id] = /^\/api\/jobs\/([^/]+)\/logs\/tail$/.exec(decodeURIComponent(request.url!)) ?? [];
    if (this.refusesTails || this.refusal(request) || !id || !this.jobs.has(id)) {
      socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
      return;
    }
    const key = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
    const accept = createHash('sha1').update(key).digest('base64');
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    // A real one accepts compression, and then sends only the end.
    const mute = request.headers['sec-websocket-extensions'] !== undefined;
    this.tails.add({ id, sent: mute ? Infinity : 0, socket });
  }

  /** Ten lines at a time, as Ray does; the connection is closed once the job has ended. */
  private feedTails(): void {
    for (const tail of this.tails) {
      const job = this.jobs.get(tail.id);
      const lines = (job?.logs.slice(tail.sent) ?? '').split(/(?<=\n)/).slice(0, 10);
      const text = lines.join('');
      if (text) tail.socket.write(frame(1, Buffer.from(text)));
      tail.sent += text.length;
      if (text || (job && ['PENDING', 'RUNNING'].includes(job.status))) continue;
      tail.socket.end(frame(8, Buffer.from([0x03, 0xe8])));
      this.tails.delete(tail);
    }
  }
}

/** A frame of a WebSocket from a server: RFC 6455, 5.2. */
function frame(kind: 1 | 8, body: Buffer): Buffer {
  const head = body.length < 126 ? Buffer.from([0x80 | kind, body.length]) : Buffer.alloc(4);
  if (body.length >= 126) {
    if (body.length > 0xffff) throw new Error('too long for a test');
    head.writeUInt8(0x80 | kind, 0);
    head.writeUInt8(126, 1);
    head.writeUInt16BE(body.length, 2);
  }
  return Buffer.concat([head, body]);
}

/** A driver's lines, as in a job's logs. */
export const printed = (...lines: object[]): string =>
  lines.map((line) => `${JSON.stringify(line)}\n`).join('');
