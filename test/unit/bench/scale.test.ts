/** The simulator's parts against closed forms of queueing theory and of caches, and the tables in the docs. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Calendar } from '../../../bench/scale/calendar.ts';
import { simulate } from '../../../bench/scale/cluster.ts';
import { fleet, requestsPerMinute } from '../../../bench/scale/costs.ts';
import { exponential, sampler, zipf } from '../../../bench/scale/draws.ts';
import { Lru } from '../../../bench/scale/lru.ts';
import { leastBusy, rendezvous } from '../../../bench/scale/routing.ts';
import { Station } from '../../../bench/scale/station.ts';
import { needsOf, teamTable } from '../../../bench/scale/teams.ts';
import { uniform } from '../../../src/statistics/random.ts';

/** Mean seconds in the queue of M/M/c by simulation: arrivals at `rate` a second, each computes one second in the mean. */
function simulatedWait(slots: number, rate: number, requests: number): number {
  const calendar = new Calendar();
  const station = new Station(calendar, { slots });
  const next = uniform(7);
  let waited = 0;
  let counted = 0;
  const arrive = (left: number) => {
    const arrived = calendar.now;
    const begin = () => {
      waited += calendar.now - arrived;
      counted += 1;
      return exponential(next, 1);
    };
    station.submit({ model: 0, begin, end: () => undefined });
    if (left > 1) calendar.at(calendar.now + exponential(next, 1 / rate), () => arrive(left - 1));
  };
  calendar.at(0, () => arrive(requests));
  calendar.run();
  expect(counted).toBe(requests);
  return waited / counted;
}

/** Erlang C: the mean wait of M/M/c where a request computes one second in the mean. */
function erlangWait(slots: number, rate: number): number {
  const term = (k: number) => Array.from({ length: k }, (_, i) => rate / (i + 1)).reduce((a, b) => a * b, 1);
  const all = Array.from({ length: slots }, (_, k) => term(k)).reduce((a, b) => a + b, 0);
  const queued = (term(slots) * slots) / (slots - rate);
  return queued / (all + queued) / (slots - rate);
}

describe('Station', () => {
  // Waits of neighbours are alike, so 200,000 of them tell the mean to some 3%.
  it.each([
    [1, 0.5],
    [1, 0.8],
    [4, 3],
    [8, 6.4],
  ])('waits as M/M/%i does by theory, at %f requests a second', (slots, rate) => {
    const expected = erlangWait(slots, rate);
    // With one slot, Erlang's formula is the M/M/1 one.
    if (slots === 1) expect(expected).toBeCloseTo(rate / (1 - rate), 9);
    expect(Math.abs(simulatedWait(slots, rate, 200_000) / expected - 1)).toBeLessThan(0.06);
  });

  it('lets no more of a model compute at once than it may, and others pass', () => {
    const calendar = new Calendar();
    const station = new Station(calendar, { slots: 2, perModel: 1 });
    const began: [number, number][] = [];
    for (const model of [1, 1, 2])
      station.submit({ model, begin: () => (began.push([model, calendar.now]), 1), end: () => undefined });
    calendar.run();
    expect(began).toEqual([
      [1, 0],
      [2, 0],
      [1, 1],
    ]);
  });

  it('ends what nobody wants any more, soon, and once', () => {
    const calendar = new Calendar();
    const station = new Station(calendar, { slots: 1 });
    const ended: [number, boolean][] = [];
    const end = (seconds: number, cut: boolean) => ended.push([seconds, cut]);
    const job = { model: 0, begin: () => 5, endsAfter: (seconds: number) => seconds + 0.1, end };
    const other = { ...job, begin: () => 1 };
    station.submit(job);
    station.submit(other);
    calendar.at(2, () => station.giveUp(job));
    calendar.run();
    expect(ended).toEqual([
      [2.1, true],
      [expect.closeTo(1, 9), false],
    ]);
    expect(station.load).toBe(0);
  });
});

describe('Lru', () => {
  /**
   * Che's approximation (Che, Tung and Wang 2002): a thing asked for with probability q is in memory with probability
   * 1 - exp(-q t), where t makes the expected number in memory equal to the room.
   */
  function cheHitRate(shares: readonly number[], room: number): number {
    const inMemory = (t: number) => shares.reduce((sum, q) => sum + 1 - Math.exp(-q * t), 0);
    let [low, high] = [0, 1e9];
    for (let i = 0; i < 200; i += 1) {
      const middle = (low + high) / 2;
      if (inMemory(middle) < room) low = middle;
      else high = middle;
    }
    return shares.reduce((sum, q) => sum + q * (1 - Math.exp(-q * low)), 0);
  }

  it.each([
    [1000, 50, 1],
    [1000, 200, 1],
    [200, 20, 0.6],
  ])('of %i things keeps %i as Che says it does (Zipf %f)', (count, room, exponent) => {
    const shares = zipf(count, exponent);
    const draw = sampler(shares);
    const next = uniform(3);
    const lru = new Lru<number, true>(room);
    let hits = 0;
    const ask = () => {
      const thing = draw(next);
      const hit = lru.get(thing) !== undefined;
      if (!hit) lru.set(thing, true);
      return hit;
    };
    for (let i = 0; i < 20_000; i += 1) ask();
    const asked = 200_000;
    for (let i = 0; i < asked; i += 1) hits += Number(ask());
    const expected = cheHitRate(shares, room);
    // Five standard errors of a share of so many independent answers, and what the approximation is off by.
    const error = 5 * Math.sqrt((expected * (1 - expected)) / asked) + 0.002;
    expect(Math.abs(hits / asked - expected)).toBeLessThan(error);
  });

  it('keeps what is in use', () => {
    const lru = new Lru<string, { used: boolean }>(2, ({ used }) => used);
    lru.set('a', { used: true });
    lru.set('b', { used: false });
    lru.set('c', { used: false });
    expect(['a', 'b', 'c'].map((key) => lru.get(key) !== undefined)).toEqual([true, false, true]);
  });
});

describe('routes', () => {
  const target = (load: number, ofAdapter = 0) => ({ load, loadOf: () => ofAdapter });
  const idle = Array.from({ length: 10 }, () => target(0));

  it('rendezvous hashing moves only what a lost server had', () => {
    const route = rendezvous('adapter', fleet);
    const before = Array.from({ length: 500 }, (_, adapter) => route({ adapter, person: 0 }, idle));
    const nine = rendezvous('adapter', fleet);
    for (const [adapter, server] of before.entries())
      if (server !== 9) expect(nine({ adapter, person: 0 }, idle.slice(0, 9))).toBe(server);
    // Each has its share, within four standard deviations of a binomial.
    for (const [server] of idle.entries())
      expect(Math.abs(before.filter((one) => one === server).length - 50)).toBeLessThan(27);
  });

  it('passes a full server over, and goes by the person if it is told to', () => {
    const route = rendezvous('person', fleet);
    const first = route({ adapter: 1, person: 5 }, idle);
    expect(route({ adapter: 2, person: 5 }, idle)).toBe(first);
    for (const busy of [target(8), target(1, 1)]) {
      const servers = idle.map((server, i) => (i === first ? busy : server));
      expect(route({ adapter: 1, person: 5 }, servers)).not.toBe(first);
    }
  });

  it('the least busy of several take turns', () => {
    const route = leastBusy();
    const servers = [1, 0, 0].map((load) => target(load));
    const asked = { adapter: 0, person: 0 };
    expect([1, 2, 3].map(() => route(asked, servers))).toEqual([1, 2, 1]);
  });
});

describe('simulate', () => {
  const asked = { fleet, typing: 10, seconds: 300, warmUp: 60, seed: 1 };

  it('asks as often as was measured while somebody types', () => {
    expect(requestsPerMinute()).toBeGreaterThan(59);
    expect(requestsPerMinute()).toBeLessThan(61);
    const { perSecond } = simulate({ ...asked, seconds: 3600, route: leastBusy() });
    // What is replaced while it waits for its turn never computes.
    expect(perSecond).toBeLessThan(((10 * requestsPerMinute()) / 60) * 1.15);
    expect(perSecond).toBeGreaterThan(((10 * requestsPerMinute()) / 60) * 0.7);
  });

  it('gives the same figures for the same seed, and others for another', () => {
    const one = simulate({ ...asked, route: leastBusy() });
    expect(simulate({ ...asked, route: leastBusy() })).toEqual(one);
    expect(simulate({ ...asked, seed: 2, route: leastBusy() })).not.toEqual(one);
  });

  it('finds more in memory where a person or an adapter has a server of its own', () => {
    const anywhere = simulate({ ...asked, route: leastBusy() });
    const byPerson = simulate({ ...asked, route: rendezvous('person', fleet) });
    expect(byPerson.promptHits).toBeGreaterThan(anywhere.promptHits + 0.1);
    expect(byPerson.p95).toBeLessThan(anywhere.p95);
  });
});

describe('needsOf', () => {
  it('counts a team of 10 by hand', () => {
    const { trainingsPerDay, trainers, adapters, requestsPerSecond } = needsOf(10);
    expect([trainingsPerDay, adapters]).toEqual([2, 10]);
    expect(trainers).toBeCloseTo(34 / 480, 9);
    // One person types at the peak.
    expect(requestsPerSecond).toBeCloseTo(requestsPerMinute() / 60, 9);
  });
});

it('the docs have the table that the script makes', () => {
  expect(readFileSync('docs/scale.md', 'utf8')).toContain(teamTable().join('\n'));
});
