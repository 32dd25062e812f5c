/** People who type, as a stream of requests: bursts of lines, and of several requests in a line. */
import type { Calendar } from './calendar.ts';
import { assumed, typing } from './costs.ts';
import { exponential, sampler, whole, zipf, type Uniform } from './draws.ts';

export interface Request {
  adapter: number;
  person: number;
  /** What is being edited; another file is another prompt. */
  file: number;
  /** The burst that it belongs to; a later request of it replaces an earlier one. */
  burst: number;
  /** Whether it is the burst's last, which nothing replaces. */
  last: boolean;
}

interface Population {
  adapter: (next: Uniform) => number;
  /** Number of the adapter's first person, and how many it has. */
  people: { first: number; count: number }[];
}

/** Each adapter has people by its share, and one at least. */
function population(): Population {
  const shares = zipf(assumed.adapters, assumed.zipf);
  let first = 0;
  const people = shares.map((share) => {
    const count = Math.max(1, Math.round(share * assumed.people));
    first += count;
    return { first: first - count, count };
  });
  return { adapter: sampler(shares), people };
}

/** Lets so many people type at once, in the mean, and calls `ask` with each of their requests. */
export function letType(
  calendar: Calendar,
  next: Uniform,
  atOnce: number,
  ask: (request: Request) => void,
): void {
  const { adapter: chooseAdapter, people } = population();
  const files = new Map<number, number>();
  let bursts = 0;
  let opened = 0;
  const between = meanBurst() / atOnce;

  const begin = () => {
    calendar.at(calendar.now + exponential(next, between), begin);
    const adapter = chooseAdapter(next);
    const { first, count } = people[adapter]!;
    const person = first + Math.floor(next() * count);
    const known = files.get(person);
    const file = known === undefined || next() < assumed.otherFile ? opened++ : known;
    files.set(person, file);
    const lines = whole(next, assumed.lines.least, assumed.lines.most);
    line({ adapter, person, file, burst: bursts++ }, lines);
  };

  const line = (burst: Omit<Request, 'last'>, lines: number) => {
    const requests = whole(next, typing.requests.least, typing.requests.most);
    const key = (left: number) => {
      ask({ ...burst, last: left === 1 && lines === 1 });
      if (left > 1) calendar.at(calendar.now + gap(next), () => key(left - 1));
      else if (lines > 1) line(burst, lines - 1);
    };
    calendar.at(calendar.now + typing.pause, () => key(requests));
  };

  calendar.at(0, begin);
}

const gap = (next: Uniform) => typing.gap.least + next() * (typing.gap.most - typing.gap.least);
const middle = ({ least, most }: { least: number; most: number }) => (least + most) / 2;

/** Seconds of a burst, in the mean. */
const meanBurst = () =>
  middle(assumed.lines) * (typing.pause + (middle(typing.requests) - 1) * middle(typing.gap));
