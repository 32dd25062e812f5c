/**
 * A Ray cluster on this machine: a head without processors and workers with one each, with its own ports, folder and
 * token. Each node is a process group that is killed separately, because `ray stop` would stop every Ray on the
 * machine.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { openSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { until as waitUntil } from '../../test/support/until.ts';

/** On a busy machine, the dashboard alone takes minutes to start. */
const PATIENCE_MS = 400_000;
/** By default, all Rays on a machine use the same range of ports for their workers. */
const randomPorts = ['--min-worker-port=0', '--max-worker-port=0'];

interface RayNode {
  name: string;
  process: ChildProcess;
}

export class RayCluster {
  readonly token = randomBytes(24).toString('hex');
  private readonly nodes: RayNode[] = [];
  url = '';
  private gcs = '';

  private constructor(
    private readonly bin: string,
    private readonly dir: string,
  ) {}

  /** `bin`: folder of Ray's programs. `workers`: number of nodes with one processor each. */
  static async start(bin: string, workers: number): Promise<RayCluster> {
    // In the temporary folder, because the paths of Ray's sockets are limited to 107 bytes.
    const cluster = new RayCluster(bin, await mkdtemp(join(tmpdir(), 'fmn-ray-')));
    try {
      const [gcs, dashboard, client] = await freePorts(3);
      cluster.gcs = `127.0.0.1:${gcs}`;
      cluster.url = `http://127.0.0.1:${dashboard}`;
      await cluster.node('head', [
        '--head',
        `--port=${gcs}`,
        `--dashboard-port=${dashboard}`,
        `--ray-client-server-port=${client}`,
        '--num-cpus=0',
      ]);
      await until('the dashboard', () => cluster.answers());
      for (let i = 1; i <= workers; i += 1) await cluster.worker(`worker-${i}`);
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  /** Adds a node with one processor and waits until it has joined. */
  private async worker(name: string): Promise<void> {
    await this.node(name, [`--address=${this.gcs}`, '--num-cpus=1']);
    await until(name, async () => (await this.aliveNodes().catch((): string[] => [])).includes(name));
  }

  private async node(name: string, args: string[]): Promise<void> {
    const [agent, metrics, runtimeEnv] = await freePorts(3);
    const log = openSync(join(this.dir, `${name}.log`), 'a');
    const common = [
      // Separate folders, because a node unpacks a job's files into its folder while others may be using them.
      `--node-name=${name}`,
      `--temp-dir=${join(this.dir, name)}`,
      '--disable-usage-stats',
      '--block',
      ...randomPorts,
      `--dashboard-agent-listen-port=${agent}`,
      `--metrics-export-port=${metrics}`,
      `--runtime-env-agent-port=${runtimeEnv}`,
      '--object-store-memory=100000000',
    ];
    const child = spawn(join(this.bin, 'ray'), ['start', ...args, ...common], {
      stdio: ['ignore', log, log],
      detached: true,
      env: this.env,
    });
    this.nodes.push({ name, process: child });
  }

  private get env(): NodeJS.ProcessEnv {
    return {
      ...process.env,
      PATH: `${this.bin}:${process.env['PATH']}`,
      RAY_AUTH_MODE: 'token',
      // The same priority as the local sweep.
      RAY_worker_niceness: '0',
      RAY_AUTH_TOKEN: this.token,
      FORGET_ME_NOT_CLUSTER_HOME: join(this.dir, 'nodes'),
    };
  }

  /** Requests JSON from the dashboard. */
  async ask<T>(path: string): Promise<T> {
    const headers = { authorization: `Bearer ${this.token}` };
    const response = await fetch(`${this.url}${path}`, { headers });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  }

  private async answers(): Promise<boolean> {
    return this.ask('/api/version').then(
      () => true,
      () => false,
    );
  }

  private async aliveNodes(): Promise<string[]> {
    type State = { data: { result: { result: { node_name: string; state: string }[] } } };
    const { data } = await this.ask<State>('/api/v0/nodes?limit=1000');
    return data.result.result.filter(({ state }) => state === 'ALIVE').map(({ node_name }) => node_name);
  }

  /** Kills a node abruptly, like a power failure. */
  async kill(name: string): Promise<void> {
    const node = this.nodes.find((candidate) => candidate.name === name);
    if (node) for (const pid of await groupOf(node.process.pid!)) endProcess(pid, 'SIGKILL');
  }

  /** Kills the dashboard's process and restarts it. */
  async restartDashboard(): Promise<void> {
    const { pid } = this.nodes.find(({ name }) => name === 'head')!.process;
    // Suspend `ray start`, which otherwise ends the whole node when one of its processes ends.
    process.kill(pid!, 'SIGSTOP');
    for (const member of await groupOf(pid!)) {
      const command = (await readFile(`/proc/${member}/cmdline`, 'utf8').catch(() => ''))
        .split('\0')
        .slice(0, -1);
      if (!command.some((word) => word.endsWith('/dashboard/dashboard.py'))) continue;
      const environment = await readFile(`/proc/${member}/environ`, 'utf8');
      const env = Object.fromEntries(
        environment
          .split('\0')
          .filter(Boolean)
          .map((pair) => pair.split(/=(.*)/s).slice(0, 2)),
      ) as NodeJS.ProcessEnv;
      endProcess(member, 'SIGKILL');
      await until('the dashboard to end', async () => !(await this.answers()));
      const log = openSync(join(this.dir, 'dashboard.log'), 'a');
      const child = spawn(command[0]!, command.slice(1), {
        stdio: ['ignore', log, log],
        detached: true,
        env,
      });
      this.nodes.push({ name: 'dashboard', process: child });
      await until('the dashboard to come back', () => this.answers());
      return;
    }
    throw new Error("The dashboard's process was not found.");
  }

  /** Stops all processes that it has started. */
  async stop(): Promise<void> {
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      const pids = (await Promise.all(this.nodes.map(({ process }) => groupOf(process.pid!)))).flat();
      for (const pid of pids) endProcess(pid, signal);
      if (pids.length && signal === 'SIGTERM') await sleep(2000);
    }
    await rm(this.dir, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** The processes of the session created by `detached`, and their children, which Ray puts into their own sessions. */
async function groupOf(leader: number): Promise<number[]> {
  const parents = new Map<number, { parent: number; session: number }>();
  for (const name of await readdir('/proc')) {
    const stat = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '');
    // The program's name, in parentheses, may contain spaces.
    const [, parent, , session] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (session) parents.set(Number(name), { parent: Number(parent), session: Number(session) });
  }
  const ours = new Set<number>();
  for (const [pid, { session }] of parents) if (session === leader || pid === leader) ours.add(pid);
  for (let before = -1; before !== ours.size;) {
    before = ours.size;
    for (const [pid, { parent }] of parents) if (ours.has(parent)) ours.add(pid);
  }
  return [...ours];
}

function endProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has already ended.
  }
}

const until = (what: string, done: () => Promise<boolean>) =>
  waitUntil(what, done, { everyMs: 250, patienceMs: PATIENCE_MS });

/** Currently free ports; all are held until the last one is found, so that they differ. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<ReturnType<typeof createServer>>((resolve) => {
          const server = createServer().listen(0, '127.0.0.1', () => resolve(server));
        }),
    ),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
