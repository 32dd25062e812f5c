/**
 * Repositories whose configuration names programs, servers, pipes and endless files, given to the code that reads a
 * history.
 */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { delimiter, join } from 'node:path';
import { buildCorpus } from '../../src/corpus/index.ts';
import { commitPairs } from '../../src/corpus/instruct/commits.ts';
import { NoRepository } from '../../src/corpus/reading/git.ts';
import { Random } from '../support/random.ts';
import type { Campaign, Trial } from './campaign.ts';
import { openGround, within, type Ground } from './support.ts';

const TRIALS = 40;
/** Three calls of git, with 30 s each. */
const MAX_MS = 120_000;

export const gitCampaign: Campaign = {
  title: 'hostile repositories',
  async open({ seed }) {
    const ground = await openGround();
    const random = new Random(seed);
    const server = await listen();
    const drawn = [...shuffled(kinds, random), ...shuffled(kinds, random)].slice(0, TRIALS);
    const trials = drawn.map((kind, index): Trial => {
      const place = places[random.integer(places.length)]!;
      // Most configuration only matters where git fetches.
      const partial = random.integer(4) > 0;
      const name = `${kind}, in ${place}${partial ? ', partial clone' : ''}`;
      return { name, run: () => attempt(new Hostile(ground, server, index), { kind, place, partial }) };
    });
    const close = async () => {
      server.close();
      await ground.close();
    };
    return { trials, close };
  },
};

const shuffled = <T>(items: readonly T[], random: Random): T[] =>
  items
    .map((item) => ({ item, at: random.next() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);

interface Attempt {
  kind: string;
  place: string;
  partial: boolean;
}

async function attempt(hostile: Hostile, { kind, place, partial }: Attempt): Promise<void> {
  const environment = { ...process.env };
  const calls = hostile.server.calls();
  try {
    hostile.make(partial);
    const settings = { 'remote.origin.url': `file://${hostile.at('origin')}`, ...attacks[kind]!(hostile) };
    configured[place]!(hostile, Object.entries(settings));
    await within(readHistory(hostile.dir, hostile.at('corpus')), MAX_MS);
  } finally {
    process.env = environment;
    hostile.release();
  }
  if (existsSync(hostile.mark))
    throw new Error('a program of the repository ran, or a file outside was written');
  if (hostile.server.calls() > calls) throw new Error('it connected to a server');
}

/** Everything that calls git: a corpus with the ages of its files, and pairs from commits. */
async function readHistory(folder: string, out: string): Promise<void> {
  const tokenizer = { encode: (text: string) => Int32Array.from(Buffer.from(text)), eos: 256 };
  const { kept } = await buildCorpus({ folder, out, tokenizer, seed: 0, plan: { halfLifeDays: 180 } });
  if (kept < 4) throw new Error(`${kept} files in the corpus`);
  try {
    for await (const pair of commitPairs({ folder })) void pair;
  } catch (error) {
    if (!(error instanceof NoRepository)) throw error;
  }
}

interface Server {
  port: number;
  calls(): number;
  close(): void;
}

async function listen(): Promise<Server> {
  let calls = 0;
  const server = createServer((socket) => {
    calls += 1;
    socket.on('error', () => undefined).end('HTTP/1.1 401 No\r\nWWW-Authenticate: Basic\r\n\r\n');
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  return { port, calls: () => calls, close: () => server.close() };
}

type Settings = Record<string, string>;

/** A repository and what is planted around it, outside of it. */
class Hostile {
  readonly dir: string;
  readonly outside: string;
  private readonly pipes: string[] = [];
  /** For our own calls of git: as it is before anything is planted. */
  private readonly env = { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' };

  constructor(
    { at }: Ground,
    readonly server: Server,
    index: number,
  ) {
    this.outside = at(`git-${index}`);
    this.dir = join(this.outside, 'repository');
    mkdirSync(this.outside);
  }

  at = (name: string) => join(this.outside, name);

  get mark() {
    return this.at('mark');
  }

  program(path = this.at('program')): string {
    writeFileSync(path, `#!/bin/sh\necho ran >> '${this.mark}'\nexit 1\n`);
    chmodSync(path, 0o755);
    return path;
  }

  pipe(path = this.at('pipe')): string {
    if (!existsSync(path)) execFileSync('mkfifo', [path]);
    this.pipes.push(path);
    return path;
  }

  /** Releases processes that are still waiting for a pipe. */
  release(): void {
    for (const path of this.pipes) if (existsSync(path)) closeSync(openSync(path, 'r+'));
  }

  /** In the repository, or elsewhere with `-C`. Returns the output. */
  git(args: string[], input = ''): string {
    const all = ['-c', 'user.name=a', '-c', 'user.email=a@b.c', '-c', 'protocol.file.allow=always', ...args];
    const { dir: cwd, env } = this;
    return execFileSync('git', all, {
      cwd,
      env,
      input,
      stdio: ['pipe', 'pipe', 'ignore'],
      encoding: 'utf8',
    }).trim();
  }

  commit(message: string, ...args: string[]): void {
    this.git([...args, 'add', '.']);
    this.git([...args, 'commit', '-qm', message]);
  }

  /** Three commits; a partial clone has what belongs to the newest. */
  make(partial: boolean): void {
    const origin = partial ? this.at('origin') : this.dir;
    mkdirSync(origin, { recursive: true });
    mkdirSync(this.dir, { recursive: true });
    this.git(['-C', origin, 'init', '-q']);
    for (const n of [1, 2, 3]) {
      for (const name of ['a', 'b', 'c', 'd'])
        writeFileSync(
          join(origin, `${name}.ts`),
          `export const ${name}${n} = ${n} + '${name}';\n`.repeat(30),
        );
      this.commit(`change all the files for reason ${n}`, '-C', origin);
    }
    if (!partial) return;
    this.git(['-C', origin, 'config', 'uploadpack.allowFilter', 'true']);
    this.git(['-C', origin, 'config', 'uploadpack.allowAnySHA1InWant', 'true']);
    this.git(['clone', '-q', '--filter=tree:0', `file://${origin}`, '.']);
    // Git uses the first one it finds.
    this.git(['config', '--unset', 'remote.origin.url']);
  }

  write(name: string, text: string): void {
    writeFileSync(join(this.dir, name), text);
  }
}

/** The configurations, by what they attempt. Each may plant more in the repository. */
const attacks: Record<string, (hostile: Hostile) => Settings> = {
  uploadpack: (h) => ({ 'remote.origin.uploadpack': h.program() }),
  'ext::': (h) => ({ 'remote.origin.url': `ext::${h.program()}`, 'protocol.ext.allow': 'always' }),
  'a nameless protocol': (h) => ({ 'remote.origin.url': '::x', 'alias.remote-': `!${h.program()}` }),
  'remote.vcs': (h) => ({ 'remote.origin.vcs': 'odd', 'alias.remote-odd': `!${h.program()}` }),
  'core.sshCommand': (h) => ({ 'remote.origin.url': 'ssh://nobody/x', 'core.sshCommand': h.program() }),
  'core.gitProxy': (h) => ({ 'remote.origin.url': 'git://nobody/x', 'core.gitProxy': h.program() }),
  insteadOf: (h) => ({
    'remote.origin.url': 'good:x',
    [`url.ext::${h.program()} .insteadOf`]: 'good:',
    'protocol.allow': 'always',
  }),
  'git://': ({ server }) => ({ 'remote.origin.url': `git://127.0.0.1:${server.port}/x` }),
  'credential.helper': (h) => ({
    'remote.origin.url': `http://127.0.0.1:${h.server.port}/x`,
    'credential.helper': `!${h.program()}`,
    'core.askPass': h.program(),
  }),
  'a promisor of its own': (h) => ({
    'remote.origin.url': `http://127.0.0.1:${h.server.port}/x`,
    'remote.odd.promisor': 'true',
    'remote.odd.url': `git://127.0.0.1:${h.server.port}/x`,
    'extensions.partialClone': 'odd',
  }),
  'core.fsmonitor': (h) => ({ 'core.fsmonitor': h.program(), 'core.untrackedCache': 'true' }),
  hooks: (h) => {
    mkdirSync(h.at('hooks'));
    for (const name of ['post-index-change', 'reference-transaction', 'pre-auto-gc', 'post-checkout'])
      h.program(h.at(`hooks/${name}`));
    return { 'core.hooksPath': h.at('hooks') };
  },
  pager: (h) => ({ 'core.pager': h.program(), 'pager.log': h.program(), 'core.editor': h.program() }),
  'diff programs': (h) => {
    h.write('.gitattributes', '* diff=odd filter=odd merge=odd\n');
    const parts = ['diff.odd.command', 'diff.odd.textconv', 'filter.odd.process', 'filter.odd.clean'];
    return Object.fromEntries(
      [...parts, 'filter.odd.smudge', 'merge.odd.driver', 'diff.external'].map((name) => [name, h.program()]),
    );
  },
  'textconv everywhere': (h) => {
    writeFileSync(h.at('attributes'), '* diff=odd\n');
    return { 'core.attributesFile': h.at('attributes'), 'diff.odd.textconv': h.program() };
  },
  'gpg.program': (h) => {
    signNewest(h);
    return { 'gpg.program': h.program(), 'log.showSignature': 'true', 'format.pretty': '%G?' };
  },
  submodule: (h) => {
    addSubmodule(h);
    return { 'diff.submodule': 'diff', 'submodule.recurse': 'true' };
  },
  'alias of log': (h) => ({ 'alias.log': `!${h.program()}` }),
  alternates: (h) => ({ 'core.alternateRefsCommand': h.program() }),
  'trace2 into a file': ({ mark }) => ({ 'trace2.eventTarget': mark, 'trace2.normalTarget': mark }),
  'pipe: mailmap': (h) => ({ 'mailmap.file': h.pipe(), 'log.mailmap': 'true' }),
  'pipe: orders and attributes': (h) => ({ 'diff.orderFile': h.pipe(), 'core.attributesFile': h.pipe() }),
  'pipe: excludesFile': (h) => ({ 'core.excludesFile': h.pipe() }),
  'pipe: include': (h) => ({ 'include.path': h.pipe() }),
  'pipe: .gitattributes': (h) => {
    h.pipe(join(h.dir, '.gitattributes'));
    return {};
  },
  'pipe: HEAD': (h) => {
    h.pipe(join(h.dir, '.git/HEAD'));
    return {};
  },
  'endless: orders, attributes, mailmap': () =>
    Object.fromEntries(
      ['diff.orderFile', 'core.attributesFile', 'mailmap.file', 'core.excludesFile'].map((n) => [
        n,
        '/dev/zero',
      ]),
    ),
  'endless: info/attributes': (h) => {
    symlinkSync('/dev/zero', join(h.dir, '.git/info/attributes'));
    return {};
  },
  'endless: tree': (h) => {
    plantBomb(h);
    return {};
  },
  'core.worktree': () => ({ 'core.worktree': '/', 'core.bare': 'false' }),
  'git in the repository': (h) => {
    mkdirSync(join(h.dir, 'bin'));
    for (const path of ['git', 'bin/git']) h.program(join(h.dir, path));
    process.env['PATH'] = ['', '.', 'bin', join(h.dir, 'bin'), process.env['PATH']].join(delimiter);
    return {};
  },
  'variables of the shell': (h) => {
    const programs = ['GIT_EXTERNAL_DIFF', 'GIT_SSH', 'GIT_SSH_COMMAND', 'GIT_PROXY_COMMAND', 'GIT_PAGER'];
    for (const name of [...programs, 'GIT_ASKPASS', 'GIT_EDITOR']) process.env[name] = h.program();
    for (const name of ['GIT_TRACE', 'GIT_TRACE2', 'GIT_TRACE2_EVENT', 'GIT_TRACE_PACKET'])
      process.env[name] = h.mark;
    return { 'remote.origin.url': 'ssh://nobody/x' };
  },
};
const kinds = Object.keys(attacks);

/** Where the configuration is. */
const configured: Record<string, (hostile: Hostile, settings: [string, string][]) => void> = {
  '.git/config': (h, settings) => configure(h, join(h.dir, '.git/config'), settings),
  'an included file': (h, settings) => {
    configure(h, h.at('included'), settings);
    configure(h, join(h.dir, '.git/config'), [['include.path', h.at('included')]]);
  },
  'a file included on a condition': (h, settings) => {
    configure(h, h.at('included'), settings);
    configure(h, join(h.dir, '.git/config'), [[`includeIf.gitdir:${h.outside}/.path`, h.at('included')]]);
  },
  'config.worktree': (h, settings) => {
    configure(h, join(h.dir, '.git/config'), [['extensions.worktreeConfig', 'true']]);
    configure(h, join(h.dir, '.git/config.worktree'), settings);
  },
  'a git folder elsewhere': (h, settings) => {
    configure(h, join(h.dir, '.git/config'), settings);
    renameSync(join(h.dir, '.git'), h.at('elsewhere'));
    h.write('.git', `gitdir: ${h.at('elsewhere')}\n`);
  },
  'the environment': (_, settings) => {
    process.env['GIT_CONFIG_COUNT'] = String(settings.length);
    for (const [n, [name, value]] of settings.entries()) {
      process.env[`GIT_CONFIG_KEY_${n}`] = name;
      process.env[`GIT_CONFIG_VALUE_${n}`] = value;
    }
  },
};
const places = Object.keys(configured);

function configure(h: Hostile, file: string, settings: [string, string][]): void {
  for (const [name, value] of settings) h.git(['-C', h.outside, 'config', '-f', file, '--add', name, value]);
}

/** A commit with a signature, which runs gpg. */
function signNewest(h: Hostile): void {
  const signature = 'gpgsig -----BEGIN PGP SIGNATURE-----\n \n iQ==\n -----END PGP SIGNATURE-----\n';
  const text = h.git(['cat-file', 'commit', 'HEAD']).replace('\n\n', () => `\n${signature}\n`);
  h.git(['update-ref', 'HEAD', h.git(['hash-object', '-t', 'commit', '-w', '--stdin'], `${text}\n`)]);
}

/** A repository inside the repository, with two commits in the history and its own configuration. */
function addSubmodule(h: Hostile): void {
  const sub = join(h.dir, 'sub');
  mkdirSync(sub);
  h.git(['-C', sub, 'init', '-q']);
  for (const n of [1, 2]) {
    writeFileSync(join(sub, 'e.ts'), `export const e = ${n};\n`);
    h.commit(`change the part for reason ${n}`, '-C', sub);
    h.commit(`take the change of the part ${n}`);
  }
  for (const name of ['core.fsmonitor', 'diff.external', 'core.pager'])
    h.git(['-C', sub, 'config', name, h.program()]);
}

/** A commit with 10^9 files, in a dozen objects. */
function plantBomb(h: Hostile): void {
  let id = h.git(['hash-object', '-w', '--stdin'], 'export const x = 1;\n');
  for (let depth = 0; depth < 9; depth += 1) {
    const [mode, type, end] = depth === 0 ? ['100644', 'blob', '.ts'] : ['040000', 'tree', ''];
    const entries = Array.from({ length: 10 }, (_, n) => `${mode} ${type} ${id}\tn${n}${end}\n`);
    id = h.git(['mktree'], entries.join(''));
  }
  const commit = h.git(['commit-tree', '-m', 'add some files to the folder', '-p', 'HEAD', id]);
  h.git(['update-ref', 'HEAD', commit]);
}
