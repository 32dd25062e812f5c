/** Chooses among several GPUs: the requested one, by default the largest. */
import type { Adapter } from '../../protocol/doctor.ts';
import { UserError } from '../../text/errors.ts';
import { msg, type Text } from '../../text/message.ts';
import { formatBytes } from '../../text/units.ts';

export interface ChosenDevice {
  adapter: Adapter;
  /** Its index in the list that doctor shows, from 0. */
  number: number;
  /** Why, to show to the user; empty if there is only one. */
  why: Text;
}

const ranks: Record<Adapter['kind'], number> = { discrete: 3, unknown: 2, integrated: 1, software: 0 };

/**
 * `wanted` is an index in the list or part of a name. Without it, adapters are ranked by kind (discrete, unknown,
 * integrated, software), then by memory. Returns undefined if there is no adapter and none was requested. Throws
 * UserError `bad-argument` if `wanted` matches none.
 */
export function chooseDevice(adapters: readonly Adapter[], wanted?: string): ChosenDevice | undefined {
  if (wanted) return findRequested(adapters, wanted);
  const [best, next] = adapters
    .map((adapter, number) => ({ adapter, number }))
    .toSorted((a, b) => compare(b.adapter, a.adapter));
  return best && { ...best, why: next ? advantage(best.adapter, next.adapter) : '' };
}

function compare(a: Adapter, b: Adapter): number {
  return ranks[a.kind] - ranks[b.kind] || (a.memory ?? 0) - (b.memory ?? 0);
}

function advantage(best: Adapter, next: Adapter): Text {
  if (best.kind !== next.kind)
    return best.kind === 'discrete' ? msg`a discrete GPU` : msg`ranked first by its kind`;
  if ((best.memory ?? 0) > (next.memory ?? 0))
    return next.memory === undefined
      ? msg`the only one with known memory`
      : msg`the larger memory: ${formatBytes(best.memory!)} against ${formatBytes(next.memory)}`;
  return msg`the first of several equal ones`;
}

function findRequested(adapters: readonly Adapter[], wanted: string): ChosenDevice {
  const word = wanted.toLowerCase();
  const names = adapters.map(({ name }) => name.toLowerCase());
  // "4090" is no place in the list, so it is a part of a name.
  const number = [
    /^\d+$/.test(word) ? Number(word) : -1,
    names.indexOf(word),
    names.findIndex((name) => name.includes(word)),
  ].find((place) => adapters[place]);
  if (number !== undefined) return { adapter: adapters[number]!, number, why: msg`asked for` };
  throw new UserError(
    'bad-argument',
    msg`There is no GPU "${wanted}" here.`,
    adapters.length
      ? msg`There are ${adapters.map(({ name }, i) => `${i} (${name})`).join(', ')}: give a number or a name, or leave it out.`
      : msg`Run {doctor}, which says why none is found, or leave it out.`,
  );
}
