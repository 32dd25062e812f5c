/** A Python with a scripted pip, a package index that misbehaves on demand, and wheels made by Python's zipfile. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';

export const sha256 = (data: Buffer | string) => createHash('sha256').update(data).digest('hex');

/** A folder for one test: the data directory and a `bin` that is first on the PATH. */
export class Sandbox {
  readonly dir = mkdtempSync(join(tmpdir(), 'fmn-runtime-'));
  readonly bin = join(this.dir, 'bin');
  readonly wheels = join(this.dir, 'home/cache/wheels');
  private readonly env = { ...process.env };

  /** @param cache a folder to use as the cache, kept when the sandbox closes. */
  constructor(cache?: string) {
    mkdirSync(this.bin, { recursive: true });
    mkdirSync(join(this.dir, 'home'));
    if (cache) {
      mkdirSync(cache, { recursive: true });
      symlinkSync(cache, join(this.dir, 'home/cache'));
    }
    mkdirSync(this.wheels, { recursive: true });
    process.env['FORGET_ME_NOT_HOME'] = join(this.dir, 'home');
    process.env['PATH'] = `${this.bin}${delimiter}${process.env['PATH']}`;
    useNoPipSettings();
  }

  close(): void {
    process.env = this.env;
    rmSync(this.dir, { recursive: true, force: true });
  }

  /** Puts a Node script on the PATH. */
  program(name: string, source: string): void {
    const path = join(this.bin, name);
    writeFileSync(path, `#!${process.execPath}\n${source}`);
    chmodSync(path, 0o755);
  }

  /** A project whose packages are installed, with these of our scripts and other files. Returns its folder. */
  project(scripts: readonly string[], others: Record<string, string>): string {
    const project = join(this.dir, 'project');
    const files = {
      'package.json': '{}',
      'package-lock.json': '{ "packages": {} }',
      'esbuild.mjs': '',
      'node_modules/.package-lock.json': '{}',
      ...others,
    };
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(join(project, dirname(name)), { recursive: true });
      writeFileSync(join(project, name), text);
    }
    for (const name of scripts) cpSync(join('scripts', name), join(project, 'scripts', name));
    return project;
  }

  /** Calls that a program logged, one per line. */
  calls(): string[] {
    try {
      return readFileSync(join(this.dir, 'calls'), 'utf8').trim().split('\n');
    } catch {
      return [];
    }
  }

  /** A python3 whose pip downloads `file`, or prints `error`. */
  python(pip: { file: string } | { error: string }): void {
    const config = JSON.stringify({ ...pip, calls: join(this.dir, 'calls') });
    this.program(
      'python3',
      `
const fs = require('node:fs'), path = require('node:path');
const pip = ${config};
const args = process.argv.slice(2);
if (args[0] === '-c') console.log('3.12.1');
else if (args[2] === '--version') console.log('pip 24.0 from somewhere (python 3.12)');
else {
  fs.appendFileSync(pip.calls, args.slice(2).join(' ') + '\\n');
  if (pip.error) {
    process.stderr.write(pip.error + '\\n');
    process.exit(1);
  }
  fs.copyFileSync(pip.file, path.join(args[args.indexOf('--dest') + 1], path.basename(pip.file)));
}`,
    );
  }

  /** Neither Python nor anything else on the PATH. */
  noPrograms(): void {
    process.env['PATH'] = this.bin;
  }

  /** A zip with these members, written by Python's own zipfile. Stored, so that a test can damage a byte. */
  zip(
    name: string,
    members: Record<string, Buffer>,
    store = false,
  ): { path: string; data: Buffer; sha256: string } {
    const path = join(this.dir, name);
    const from = join(this.dir, 'members');
    mkdirSync(from, { recursive: true });
    const list = Object.entries(members).map(([member, data], index) => {
      writeFileSync(join(from, String(index)), data);
      return member;
    });
    const script =
      'import sys, json, zipfile\n' +
      'path, base, names, method = sys.argv[1], sys.argv[2], json.loads(sys.argv[3]), int(sys.argv[4])\n' +
      'with zipfile.ZipFile(path, "w", method) as z:\n' +
      '    for i, name in enumerate(names): z.write(f"{base}/{i}", name)\n';
    execFileSync('python3', ['-c', script, path, from, JSON.stringify(list), store ? '0' : '8'], {
      env: this.env,
    });
    const data = readFileSync(path);
    return { path, data, sha256: sha256(data) };
  }
}

/** So that tests don't depend on the user's pip. */
function useNoPipSettings(): void {
  for (const name of Object.keys(process.env)) if (name.startsWith('PIP_')) delete process.env[name];
  process.env['PIP_CONFIG_FILE'] = '/dev/null';
}

export interface Seen {
  url: string;
  range: string | undefined;
}

/** Serves `data` with ranges, under any name. `misbehave` may answer a request itself (true: it did). */
export class FileServer {
  /** Requests for files, without those for the pages of the index. */
  readonly seen: Seen[] = [];
  private pages: Record<string, { fileName: string; sha256: string }[]> = {};
  misbehave: ((request: IncomingMessage, response: ServerResponse, nth: number) => boolean) | undefined;
  private constructor(
    private readonly server: Server,
    public data: Buffer,
  ) {}

  static async start(data: Buffer): Promise<FileServer> {
    const server = createServer((request, response) => self.answer(request, response));
    const self: FileServer = new FileServer(server, data);
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    return self;
  }

  /** Becomes the package index that pip is configured for, with these wheels. */
  serveIndex(project: string, ...wheels: { fileName: string; sha256: string }[]): void {
    this.pages[`/simple/${project}/`] = wheels;
    process.env['PIP_INDEX_URL'] = this.url('simple');
  }

  url(name: string): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/${name}`;
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    const page = this.pages[request.url ?? ''];
    if (page) {
      const files = page.map((one) => ({
        filename: one.fileName,
        url: `../../${one.fileName}`,
        hashes: { sha256: one.sha256 },
      }));
      const type = 'application/vnd.pypi.simple.v1+json';
      return void response.writeHead(200, { 'content-type': type }).end(JSON.stringify({ files }));
    }
    const { range } = request.headers;
    this.seen.push({ url: request.url ?? '', range });
    if (this.misbehave?.(request, response, this.seen.length)) return;
    const start = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
    const total = this.data.length;
    const body = this.data.subarray(start);
    if (range)
      response.writeHead(206, {
        'content-range': `bytes ${start}-${total - 1}/${total}`,
        'content-length': body.length,
      });
    else response.writeHead(200, { 'content-length': total });
    response.end(body);
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((done) => this.server.close(done));
  }
}
