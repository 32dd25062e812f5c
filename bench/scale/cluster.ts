/** Servers with adapters and prompts in memory: what each request finds there, and how long it takes. */
import { uniform } from '../../src/statistics/random.ts';
import { quantile } from '../serving-load.ts';
import { Calendar } from './calendar.ts';
import { costs, memory, type Fleet } from './costs.ts';
import { Lru } from './lru.ts';
import type { Route } from './routing.ts';
import { Station, type Job } from './station.ts';
import { letType, type Request } from './typing.ts';

export interface Figures {
  /** Requests that began to compute, a second. */
  perSecond: number;
  /** Shares of these whose adapter, and whose prompt, was in memory. */
  adapterHits: number;
  promptHits: number;
  /** Milliseconds from a request to the next first line that the person sees. */
  p50: number;
  p95: number;
  /** Share of the slots' time that was computed. */
  busy: number;
}

interface Loaded {
  users: number;
  /** Tokens that are still to be read, by file. */
  prompts: Lru<number, { unread: number }>;
}

/** One request, and what became of it. */
class Asked implements Job {
  readonly model: number;
  private begun = 0;
  private found: ReturnType<Server['find']> | undefined;
  /** Seconds from its beginning until its prompt is read, and until there is a first line. */
  private read = 0;
  private first = 0;
  private givenUp = Infinity;

  constructor(
    readonly request: Request,
    private readonly server: Server,
    private readonly shown: (time: number) => void,
  ) {
    this.model = request.adapter;
  }

  begin(): number {
    const { server, request } = this;
    const found = server.find(request);
    found.adapter.users += 1;
    this.found = found;
    this.begun = server.calendar.now;
    this.read = found.loading + found.prompt.unread * costs.row + costs.changed;
    this.first = this.read + costs.firstTokens * costs.token;
    return this.read + costs.answerTokens * costs.token;
  }

  /** An adapter is loaded as a whole, a prompt read in steps, an answer written token by token. */
  endsAfter(seconds: number): number {
    const { loading } = this.found!;
    const next = (from: number, each: number) => from + Math.ceil((seconds - from) / each) * each;
    if (seconds <= loading) return loading;
    if (seconds > this.read) return next(this.read, costs.token);
    return Math.min(this.read, next(loading, costs.step * costs.row));
  }

  end(seconds: number): void {
    const { adapter, loading, prompt } = this.found!;
    adapter.users -= 1;
    // What was read before it was given up stays read.
    prompt.unread = Math.max(0, prompt.unread - Math.round((seconds - loading) / costs.row));
    const first = this.begun + this.first;
    if (seconds >= this.first && first <= this.givenUp) this.shown(first);
  }

  giveUp(): void {
    this.givenUp = this.server.calendar.now;
    this.server.station.giveUp(this);
  }
}

class Server {
  readonly station: Station;
  private readonly adapters: Lru<number, Loaded>;
  /** Adapters are loaded one after the other. */
  private loaded = 0;

  constructor(
    readonly calendar: Calendar,
    fleet: Fleet,
    private readonly count: (hits: { adapter: boolean; prompt: boolean }) => void,
  ) {
    this.station = new Station(calendar, fleet);
    this.adapters = new Lru(adaptersInMemory(fleet), ({ users }) => users > 0);
  }

  get load(): number {
    return this.station.load;
  }

  loadOf(adapter: number): number {
    return this.station.loadOf(adapter);
  }

  /** The request's adapter and prompt, which are in memory from now on, and the seconds until they are. */
  find({ adapter: key, file }: Request): { adapter: Loaded; prompt: { unread: number }; loading: number } {
    const known = this.adapters.get(key);
    const adapter = known ?? { users: 0, prompts: new Lru<number, { unread: number }>(memory.prompts) };
    const held = adapter.prompts.get(file);
    const prompt = held ?? { unread: costs.promptTokens };
    if (!held) adapter.prompts.set(file, prompt);
    this.count({ adapter: known !== undefined, prompt: held?.unread === 0 });
    const { now } = this.calendar;
    if (known) return { adapter, prompt, loading: 0 };
    this.adapters.set(key, adapter);
    this.loaded = Math.max(now, this.loaded) + costs.load;
    return { adapter, prompt, loading: this.loaded - now };
  }
}

/** Adapters with their contexts that a server has in memory at once. */
export const adaptersInMemory = (fleet: Pick<Fleet, 'memory'>): number =>
  Math.floor(fleet.memory / (memory.adapter + memory.context));

export interface Simulated {
  fleet: Fleet;
  route: Route;
  /** People who type at once, in the mean. */
  typing: number;
  /** Seconds that count, after as many as `warmUp`. */
  seconds: number;
  warmUp: number;
  seed: number;
}

/** The same options give the same figures. */
export function simulate({ fleet, route, typing, seconds, warmUp, seed }: Simulated): Figures {
  const calendar = new Calendar();
  const counts = { asked: 0, adapter: 0, prompt: 0 };
  const waits: number[] = [];
  const isCounted = () => calendar.now >= warmUp;
  const count = ({ adapter, prompt }: { adapter: boolean; prompt: boolean }) => {
    if (!isCounted()) return;
    counts.asked += 1;
    counts.adapter += Number(adapter);
    counts.prompt += Number(prompt);
  };
  const servers = Array.from({ length: fleet.servers }, () => new Server(calendar, fleet, count));
  const bursts = new Map<number, { since: number[]; asked?: Asked }>();
  const ask = (request: Request) => {
    const burst = bursts.get(request.burst) ?? { since: [] };
    bursts.set(request.burst, burst);
    burst.asked?.giveUp();
    burst.since.push(calendar.now);
    const server = servers[route(request, servers)]!;
    burst.asked = new Asked(request, server, (time) => {
      const earlier = burst.since.filter((since) => since <= time);
      waits.push(...earlier.filter((since) => since >= warmUp).map((since) => 1000 * (time - since)));
      burst.since = burst.since.filter((since) => since > time);
      if (request.last) bursts.delete(request.burst);
    });
    server.station.submit(burst.asked);
  };
  letType(calendar, uniform(seed), typing, ask);
  calendar.run(warmUp);
  const before = busyOf(servers);
  calendar.run(warmUp + seconds);
  return {
    perSecond: counts.asked / seconds,
    adapterHits: counts.adapter / counts.asked,
    promptHits: counts.prompt / counts.asked,
    p50: quantile(waits, 0.5),
    p95: quantile(waits, 0.95),
    busy: (busyOf(servers) - before) / (seconds * fleet.servers * fleet.slots),
  };
}

const busyOf = (servers: readonly Server[]) => servers.reduce((sum, { station }) => sum + station.busy, 0);
