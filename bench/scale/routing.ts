/** Which server a request goes to. */
import { mix } from '../../src/statistics/random.ts';
import type { Fleet } from './costs.ts';
import type { Request } from './typing.ts';

export interface Target {
  /** Requests that compute or wait there. */
  readonly load: number;
  /** Those of one adapter. */
  loadOf(adapter: number): number;
}

/** Returns the number of the server. */
export type Route = (request: Pick<Request, 'adapter' | 'person'>, servers: readonly Target[]) => number;

/** The server with the fewest requests; of several, they take turns. */
export function leastBusy(): Route {
  let turn = 0;
  return (_request, servers) => {
    const least = Math.min(...servers.map(({ load }) => load));
    const free = servers.flatMap(({ load }, i) => (load === least ? [i] : []));
    return free[turn++ % free.length]!;
  };
}

/** A server takes this much more than the mean before a request goes on to its next one. */
const BOUND = 1.25;

/**
 * Rendezvous hashing (Thaler and Ravishankar 1998) with a bounded load (Mirrokni et al. 2018): each key has its own
 * order of the servers, and a request goes to the first of them where the adapter has a turn left, and that has a free
 * slot or no more than 1.25 times the mean. `key`: what has a server of its own, the adapter or the person.
 */
export function rendezvous(
  key: 'adapter' | 'person',
  { slots, perModel }: Pick<Fleet, 'slots' | 'perModel'>,
): Route {
  const orders = new Map<number, number[]>();
  return (request, servers) => {
    const asked = request[key];
    const order = orders.get(asked) ?? orderOf(asked, servers.length);
    orders.set(asked, order);
    const all = servers.reduce((sum, { load }) => sum + load, 0);
    const most = Math.max(slots, Math.ceil((BOUND * (all + 1)) / servers.length));
    const hasRoom = (server: number) => servers[server]!.load < most;
    const hasTurn = (server: number) => servers[server]!.loadOf(request.adapter) < perModel;
    return order.find((server) => hasRoom(server) && hasTurn(server)) ?? order.find(hasRoom) ?? order[0]!;
  };
}

/** All servers, by a hash of the key and each. Where one goes or comes, the others keep their order. */
function orderOf(key: number, servers: number): number[] {
  const weight = Array.from({ length: servers }, (_, server) => mix(key, server));
  return [...weight.keys()].sort((a, b) => weight[b]! - weight[a]!);
}
