/** Runs the built command line as a user would, in its own data directory. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { cacheDir, runtimeDir } from '../../src/platform/files/paths.ts';

export interface CliResult {
  code: number;
  stdout: string;
  stderr: string;
}

export class Workplace {
  /** The data directory of the next commands. */
  home: string;
  private constructor(readonly root: string) {
    this.home = join(root, 'data');
  }
  /** Has its own runs and models, but shares this machine's TensorFlow and downloads. */
  static async create(): Promise<Workplace> {
    const place = new Workplace(await mkdtemp(join(tmpdir(), 'forget-me-not-test-')));
    await mkdir(place.path('data'));
    for (const shared of [runtimeDir(), cacheDir()])
      if (existsSync(shared)) await symlink(shared, place.path('data', basename(shared)), 'junction');
    return place;
  }
  readonly path = (...parts: string[]) => join(this.root, ...parts);
  get env(): NodeJS.ProcessEnv {
    return { ...process.env, FORGET_ME_NOT_HOME: this.home };
  }

  run(...args: string[]): Promise<CliResult> {
    return new Promise((done) => {
      execFile(
        process.execPath,
        [resolve('dist/cli.mjs'), ...args],
        { env: this.env, cwd: this.root, maxBuffer: 1 << 26 },
        (error, stdout, stderr) => done({ code: error ? Number(error.code ?? 1) : 0, stdout, stderr }),
      );
    });
  }

  /** Presses Ctrl+C once, `afterMs` after a command has printed `sign`. Returns its exit status and what it printed. */
  async interrupt(args: string[], sign: RegExp, afterMs = 0): Promise<{ exit: unknown; printed: string }> {
    const child = spawn(process.execPath, [resolve('dist/cli.mjs'), ...args], { env: this.env });
    let printed = '';
    let isSeen = false;
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
      if (isSeen || !sign.test(printed)) return;
      isSeen = true;
      setTimeout(() => child.kill('SIGINT'), afterMs);
    });
    const [exit] = await once(child, 'close');
    return { exit, printed };
  }

  /** The last JSON line of a command that must succeed. */
  async json<T>(...args: string[]): Promise<T> {
    const { code, stdout, stderr } = await this.run(...args, '--json');
    if (code !== 0)
      throw new Error(`forget-me-not ${args.join(' ')} ended with ${code}: ${stdout}\n${stderr}`);
    return JSON.parse(stdout.trim().split('\n').at(-1)!) as T;
  }

  /** Creates a folder of third-party code. */
  async code(name = 'code'): Promise<string> {
    await cp(resolve('node_modules/commander/lib'), this.path(name), { recursive: true });
    return this.path(name);
  }

  dispose = () => rm(this.root, { recursive: true, force: true, maxRetries: 5 });
}
