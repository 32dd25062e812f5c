/** A package index that behaves like PyPI: pages of links with checksums, wheels with ranges. */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface IndexedWheel {
  project: string;
  version: string;
  data: Buffer;
}

export interface SeenDownload {
  project: string;
  range: string | undefined;
}

const sha256 = (data: Buffer | string) => createHash('sha256').update(data).digest('hex');

export class PackageIndex {
  /** Requests for wheels. */
  readonly downloads: SeenDownload[] = [];
  /** The next download of this project stalls after `after` bytes. */
  stall: { project: string; after: number } | undefined;
  /** Number of requests of any kind. */
  asked = 0;

  private constructor(
    private readonly server: Server,
    private readonly wheels: IndexedWheel[],
  ) {}

  static async start(wheels: IndexedWheel[]): Promise<PackageIndex> {
    const server = createServer((request, response) => self.answer(request, response));
    const self: PackageIndex = new PackageIndex(server, wheels);
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    return self;
  }

  /** The index URL. */
  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/simple`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((done) => this.server.close(done));
  }

  private answer({ url = '', headers }: IncomingMessage, response: ServerResponse): void {
    this.asked += 1;
    const wheel = this.wheels.find((one) => url === `/simple/${one.project}/` || url.includes(fileName(one)));
    if (!wheel) return void response.writeHead(404).end();
    if (url.startsWith('/simple/')) {
      response.writeHead(200, { 'content-type': 'text/html' }).end(page(wheel));
      return;
    }
    const { data, project } = wheel;
    this.downloads.push({ project, range: headers.range });
    const from = Number(/^bytes=(\d+)-/.exec(headers.range ?? '')?.[1] ?? 0);
    response.writeHead(from ? 206 : 200, {
      'content-length': data.length - from,
      ...(from && { 'content-range': `bytes ${from}-${data.length - 1}/${data.length}` }),
    });
    if (this.stall?.project !== project) return void response.end(data.subarray(from));
    response.write(data.subarray(from, from + this.stall.after));
    this.stall = undefined;
  }
}

const fileName = ({ project, version }: IndexedWheel) =>
  `${project.replaceAll('-', '_')}-${version}-py3-none-any.whl`;

function page(wheel: IndexedWheel): string {
  const name = fileName(wheel);
  return `<!DOCTYPE html><a href="/files/${name}#sha256=${sha256(wheel.data)}">${name}</a>`;
}
