/**
 * 1,000 adapters on 10 servers, simulated: `npm run bench:scale [-- --minutes 10] [--seed 1] [--json]`.
 *
 * People type as `bench:felt` saw them ask, a request costs what was measured on one machine, and three rules say which
 * server a request goes to. Prints the tables of docs/scale.md. The same seed gives the same figures.
 */
import { parseArgs } from 'node:util';
import { markdownTable } from './markdown.ts';
import { adaptersInMemory, simulate, type Figures } from './scale/cluster.ts';
import { fleet, type Fleet } from './scale/costs.ts';
import { leastBusy, rendezvous, type Route } from './scale/routing.ts';
import { needsOf, teamSizes, teamTable } from './scale/teams.ts';

const options = {
  /** Simulated minutes that count; the five before them do not. */
  minutes: { type: 'string', default: '10' },
  seed: { type: 'string', default: '1' },
  json: { type: 'boolean', default: false },
} as const;

const WARM_UP = 300;
const rules: Record<string, (fleet: Fleet) => Route> = {
  'least busy': () => leastBusy(),
  'by adapter': (fleet) => rendezvous('adapter', fleet),
  'by person': (fleet) => rendezvous('person', fleet),
};

/** People who type at once, and what serves them. */
const settings: readonly { typing: number; fleet: Fleet }[] = [
  ...[25, 50, 100].map((typing) => ({ typing, fleet })),
  { typing: 50, fleet: { ...fleet, memory: 2e9 } },
];

interface Row extends Figures {
  /** Adapters in memory of a server. */
  places: number;
  typing: number;
  rule: string;
}

export function main(args: string[]): void {
  const { values } = parseArgs({ args, options });
  const seconds = 60 * Number(values.minutes);
  const rows: Row[] = [];
  for (const setting of settings)
    for (const [rule, make] of Object.entries(rules)) {
      const { typing, fleet } = setting;
      const seed = Number(values.seed);
      const figures = simulate({ ...setting, route: make(fleet), seconds, warmUp: WARM_UP, seed });
      rows.push({ places: adaptersInMemory(fleet), typing, rule, ...figures });
    }
  if (values.json) {
    console.log(JSON.stringify({ simulated: rows, teams: teamSizes.map(needsOf) }));
    return;
  }
  console.log([...teamTable(), '', ...simulationTable(rows)].join('\n'));
}

function simulationTable(rows: readonly Row[]): string[] {
  return markdownTable(
    [
      'typing at once',
      'adapters that fit a server',
      'rule',
      'requests a second',
      'adapter in memory',
      'prompt read',
      'first line, p50 and p95 ms',
      'slots busy',
    ],
    rows.map(({ places, typing, rule, perSecond, adapterHits, promptHits, p50, p95, busy }) => [
      String(typing),
      String(places),
      rule,
      perSecond.toFixed(0),
      percent(adapterHits),
      percent(promptHits),
      `${whole(p50)}, ${whole(p95)}`,
      percent(busy),
    ]),
  );
}

const percent = (share: number) => `${(100 * share).toFixed(1)}%`;
const whole = (value: number) => Math.round(value).toLocaleString('en');
