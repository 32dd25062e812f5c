/**
 * How often and how soon VS Code's suggestion list opens, with and without the extension:
 * `npm run bench:editor -- [--base ID|FILE] [--versions newest,oldest] [--conditions "not installed,on"] [--trials 40]
 * [--seed 1] [--setting KEY=JSON]... [--json]`.
 *
 * Uses a real VS Code, the newest and the oldest supported version, with default settings for suggestions. See
 * docs/benchmarks.md for the procedure and the meaning of the results.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { resolveBase } from '../src/base-models/resolve.ts';
import { conditions, enter, type Condition } from './editor/conditions.ts';
import { openEditor, prepareTools, type Editor, type Version } from './editor/driver.ts';
import { columns, summariseWaits, measureList, type WaitSummary } from './editor/list.ts';
import { markdownTable } from './markdown.ts';
import { makeOwnHome } from './own-home.ts';

const options = {
  base: { type: 'string', default: 'smollm2-135m' },
  versions: { type: 'string', default: 'newest,oldest' },
  conditions: { type: 'string', default: conditions.join() },
  /** Trials per cell of the table. */
  trials: { type: 'string', default: '40' },
  seed: { type: 'string', default: '1' },
  setting: { type: 'string', multiple: true, default: [] as string[] },
  json: { type: 'boolean', default: false },
} as const;

/** By condition and column. */
type Table = Record<string, Record<string, WaitSummary>>;

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options });
  const { log } = console;
  // With --json, only the results go to stdout.
  if (values.json) console.log = console.error;
  const { path: base } = await resolveBase(values.base);
  const settings = { ...Object.fromEntries(values.setting.map(readSetting)), 'forgetMeNot.base': base };
  const tools = await prepareTools();
  const home = await mkdtemp(join(tmpdir(), 'forget-me-not-editor-home-'));
  const tables: Partial<Record<Version, Table>> = {};
  try {
    await makeOwnHome(home);
    for (const version of values.versions.split(',') as Version[]) {
      const table: Table = (tables[version] = {});
      for (const condition of values.conditions.split(',') as Condition[]) {
        const installed = condition !== 'not installed';
        const editor = await openEditor(tools, { home, version, installed, settings });
        try {
          await enter(condition, editor.workbench);
          const how = { trials: Number(values.trials), seed: Number(values.seed) };
          const tell = (text: string) => console.error(`${version}, ${condition}, ${text}`);
          table[condition] = await measureRow(editor, how, tell);
        } finally {
          await editor.close();
        }
      }
    }
  } finally {
    await rm(home, { recursive: true, force: true, maxRetries: 20 });
  }
  log(values.json ? JSON.stringify(tables) : report(tables));
  console.error(`Load of the machine at the end: ${loadavg()[0]!.toFixed(1)}.`);
}

async function measureRow(
  { workbench }: Editor,
  how: { trials: number; seed: number },
  tell: (text: string) => void,
): Promise<Table[string]> {
  const row: Table[string] = {};
  for (const column of columns) {
    const waits = await measureList(workbench, column, how);
    row[column.name] = summariseWaits(waits);
    tell(`${column.name}: ${waits.map((ms) => (ms === undefined ? '-' : Math.round(ms))).join(' ')}`);
  }
  return row;
}

function readSetting(text: string): [string, unknown] {
  const at = text.indexOf('=');
  if (at < 0) throw new Error(`--setting needs KEY=JSON, not ${text}.`);
  return [text.slice(0, at), JSON.parse(text.slice(at + 1))];
}

function report(tables: Record<string, Table>): string {
  const cell = ({ median, p95, opened, trials }: WaitSummary) =>
    `${median ?? '-'}, ${p95 ?? '-'}, ${opened}/${trials}`;
  const names = columns.map(({ name }) => name);
  return Object.entries(tables)
    .flatMap(([version, table]) => [
      `\n${version}: from the key to the open list, ms: median, 95th percentile, lists opened of trials.\n`,
      ...markdownTable(
        ['', ...names],
        Object.entries(table).map(([condition, row]) => [
          condition,
          ...names.map((name) => cell(row[name]!)),
        ]),
      ),
    ])
    .join('\n');
}
