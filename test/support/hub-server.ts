/** A server that behaves like the hub: paged file listings, LFS checksums, redirects to another host, ranges. */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface HubFile {
  content: Buffer;
  /** The checksum in the listing; default: the content's own. */
  sha256?: string;
  size?: number;
}

export interface SeenRequest {
  host: 'hub' | 'storage';
  path: string;
  range?: string | undefined;
  authorization?: string | undefined;
}

export class HubServer {
  readonly requests: SeenRequest[] = [];
  /** Each number makes one download, in turn, stall after that many bytes, until `drop` breaks it. */
  readonly stallAfter: number[] = [];
  #stalled: ServerResponse[] = [];
  /** Status of all the hub's answers; if not 200, all fail. */
  status = 200;
  /** Status of its answers to requests for files only, as for a gated model. */
  fileStatus = 200;
  /** The token that may write; without one, nobody may. */
  writer: string | undefined;
  /** Called before a commit is accepted, as if somebody else were faster. */
  beforeCommit: (() => void) | undefined;
  private commits = 0;
  readonly #uploaded = new Map<string, Buffer>();
  /** Length that the storage claims for every file; default: the true one. */
  claimedLength: number | undefined;
  #hub!: Server;
  #storage!: Server;

  /** Files by repository: models as owner/name, data sets as datasets/owner/name. */
  private constructor(readonly repositories: Map<string, Map<string, HubFile>>) {}

  static async start(repositories: Record<string, Record<string, HubFile>>): Promise<HubServer> {
    const maps = Object.entries(repositories).map(
      ([name, files]) => [name, new Map(Object.entries(files))] as const,
    );
    const server = new HubServer(new Map(maps));
    server.#hub = await listen((request, response) => server.#answerHub(request, response));
    server.#storage = await listen((request, response) => server.#answerStorage(request, response));
    return server;
  }

  get url(): string {
    return urlOf(this.#hub);
  }

  /** Breaks the stalled connections. Call it once their bytes have arrived: a client loses what it has not read yet. */
  drop(): void {
    for (const response of this.#stalled.splice(0)) response.destroy();
  }

  async stop(): Promise<void> {
    for (const server of [this.#hub, this.#storage]) {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    }
  }

  #see(host: SeenRequest['host'], { url = '', headers }: IncomingMessage): string {
    this.requests.push({ host, path: url, range: headers.range, authorization: headers.authorization });
    return decodeURIComponent(url.split('?')[0]!);
  }

  #answerHub(request: IncomingMessage, response: ServerResponse): void {
    const path = this.#see('hub', request);
    if (this.status !== 200) return fail(response, this.status);
    if (request.method === 'POST') return void this.#write(path, request, response);
    const [, asked] = /^\/api\/models\/([^/]+\/[^/]+)\/revision\/HEAD$/.exec(path) ?? [];
    if (asked) {
      if (!this.repositories.has(asked)) return fail(response, 404);
      return json(response, { _id: '1', id: asked, sha: this.#head(), lastModified: '2026-11-27T00:00:00Z' });
    }
    const [, listed] = /^\/api\/(?:models\/)?((?:datasets\/)?[^/]+\/[^/]+)\/tree\/main$/.exec(path) ?? [];
    if (listed) return this.#list(listed, request, response);
    const [, repository, file] = /^\/((?:datasets\/)?[^/]+\/[^/]+)\/resolve\/main\/(.+)$/.exec(path) ?? [];
    if (!repository || !this.repositories.get(repository)?.has(file!)) return fail(response, 404);
    if (this.fileStatus !== 200) return fail(response, this.fileStatus);
    response
      .writeHead(302, {
        location: `${urlOf(this.#storage)}/${encodeURIComponent(repository)}/${encodeURIComponent(file!)}`,
      })
      .end();
  }

  #head(): string {
    return String(this.commits).padStart(40, '0');
  }

  /** The requests of @huggingface/hub to create a repository and commit: large files go to the storage first. */
  async #write(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const text = (await bodyOf(request)).toString();
    if (!this.writer || request.headers.authorization !== `Bearer ${this.writer}`) return fail(response, 403);
    if (path === '/api/repos/create') {
      const { name, organization } = JSON.parse(text) as { name: string; organization: string };
      this.repositories.set(`${organization}/${name}`, new Map());
      return json(response, { url: `${this.url}/${organization}/${name}`, id: `${organization}/${name}` });
    }
    const [, repository = '', what] =
      /^(?:\/api\/models)?\/([^/]+\/[^/]+?)(?:\.git)?\/(preupload\/main|info\/lfs\/objects\/batch|commit\/main)$/.exec(
        path,
      ) ?? [];
    const files = this.repositories.get(repository);
    if (!files) return fail(response, 404);
    if (what === 'preupload/main') {
      const asked = (JSON.parse(text) as { files: { path: string }[] }).files;
      const modeOf = (file: string) => (file.endsWith('.gguf') ? 'lfs' : 'regular');
      return json(response, {
        files: asked.map(({ path: file }) => ({ path: file, uploadMode: modeOf(file) })),
      });
    }
    if (what === 'info/lfs/objects/batch') {
      const { objects } = JSON.parse(text) as { objects: { oid: string; size: number }[] };
      const upload = (oid: string) => ({ upload: { href: `${urlOf(this.#storage)}/upload/${oid}` } });
      return json(response, {
        transfer: 'basic',
        objects: objects.map((one) => ({ ...one, actions: upload(one.oid) })),
      });
    }
    this.beforeCommit?.();
    return this.#commit(files, text, response);
  }

  #commit(files: Map<string, HubFile>, text: string, response: ServerResponse): void {
    const lines = text.split('\n').map((line) => JSON.parse(line) as CommitLine);
    const { parentCommit } = lines[0]!.value;
    if (parentCommit !== undefined && parentCommit !== this.#head()) return fail(response, 412);
    for (const { key, value } of lines) {
      if (key === 'file') files.set(value.path!, { content: Buffer.from(value.content!, 'base64') });
      if (key === 'lfsFile') files.set(value.path!, { content: this.#uploaded.get(value.oid!)! });
    }
    this.commits += 1;
    json(response, { success: true, commitOid: this.#head(), commitUrl: '', hookOutput: '' });
  }

  /** Someone else's commit. */
  committed(): void {
    this.commits += 1;
  }

  /** Lists two entries per page. */
  #list(repository: string, request: IncomingMessage, response: ServerResponse): void {
    const files = this.repositories.get(repository);
    if (!files) return fail(response, 404);
    const page = Number(new URL(request.url!, this.url).searchParams.get('page') ?? 0);
    const entries = [...files].map(([path, { content, sha256, size = content.length }]) => ({
      type: 'file',
      path,
      size,
      oid: createHash('sha1').update(content).digest('hex'),
      lfs: { oid: sha256 ?? createHash('sha256').update(content).digest('hex'), size, pointerSize: 130 },
    }));
    entries.unshift({
      type: 'directory',
      path: 'folder.gguf',
      size: 0,
      oid: '0'.repeat(40),
    } as (typeof entries)[number]);
    const place = repository.startsWith('datasets/') ? repository : `models/${repository}`;
    const next = `${this.url}/api/${place}/tree/main?recursive=true&page=${page + 1}`;
    const more = entries.length > 2 * page + 2 ? { link: `<${next}>; rel="next"` } : {};
    response.writeHead(200, { 'content-type': 'application/json', ...more });
    response.end(JSON.stringify(entries.slice(2 * page, 2 * page + 2)));
  }

  #answerStorage(request: IncomingMessage, response: ServerResponse): void {
    this.#see('storage', request);
    if (request.method === 'PUT')
      return void bodyOf(request).then((body) => {
        const oid = createHash('sha256').update(body).digest('hex');
        if (request.url !== `/upload/${oid}`) return fail(response, 400);
        this.#uploaded.set(oid, body);
        response.writeHead(200).end();
      });
    const [, repository, file] = request.url!.split('/').map(decodeURIComponent);
    const { content } = this.repositories.get(repository!)!.get(file!)!;
    const from = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const part = content.subarray(from);
    const range = { 'content-range': `bytes ${from}-${content.length - 1}/${content.length}` };
    response.writeHead(from ? 206 : 200, {
      'content-length': this.claimedLength ?? part.length,
      ...(from ? range : {}),
    });
    const limit = this.stallAfter.shift();
    if (limit === undefined) return void response.end(part);
    response.write(part.subarray(0, limit));
    this.#stalled.push(response);
  }
}

interface CommitLine {
  key: string;
  value: { parentCommit?: string; path?: string; content?: string; oid?: string };
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

const json = (response: ServerResponse, value: unknown) =>
  void response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));

const urlOf = (server: Server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

function fail(response: ServerResponse, status: number): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ error: 'no' }));
}

async function listen(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<Server> {
  const server = createServer(answer);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return server;
}
