/**
 * VS Code's list of suggestions and our ghost text beside it, as a person sees them:
 * `npm run bench:editor -- [--base ID|FILE] [--versions newest,oldest] [--trials 40] [--json]`.
 *
 * A real VS Code, the newest and the oldest that is supported, with its own settings for suggestions. docs/benchmarks.md
 * says what is done and what the figures mean.
 */
import { existsSync } from 'node:fs';
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { resolveBase } from '../src/base-models/resolve.ts';
import { conditions, enter, type Condition } from './editor/conditions.ts';
import { makePlace, openEditor, prepareTools, type Tools, type Version } from './editor/driver.ts';
import { columns, listFigures, measureList, type ListFigures } from './editor/list.ts';
import { markdownTable } from './markdown.ts';

const options = {
  base: { type: 'string', default: 'smollm2-135m' },
  versions: { type: 'string', default: 'newest,oldest' },
  /** Of the table: all of them, or some, with commas. */
  conditions: { type: 'string', default: conditions.join() },
  /** Of each cell of the table. */
  trials: { type: 'string', default: '40' },
  seed: { type: 'string', default: '1' },
  /** KEY=JSON, in the user's settings; several times. */
  setting: { type: 'string', multiple: true },
  /** Where screenshots go. */
  shots: { type: 'string', default: 'test-results/editor' },
  json: { type: 'boolean', default: false },
} as const;

type Table = Partial<Record<Condition, Record<string, ListFigures>>>;

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options });
  const { log } = console;
  // With --json, only the figures go to standard output.
  if (values.json) console.log = console.error;
  const { path: base } = await resolveBase(values.base);
  if (!existsSync(base)) throw new Error(`There is no base ${base}.`);
  const tools = await prepareTools(values.shots);
  const settings = Object.fromEntries((values.setting ?? []).map(readSetting));
  const result: Record<string, Table> = {};
  for (const version of values.versions.split(',') as Version[]) {
    const table: Table = (result[version] = {});
    for (const condition of values.conditions.split(',') as Condition[]) {
      table[condition] = await measureCondition(tools, condition, {
        ...{ version, trials: Number(values.trials), seed: Number(values.seed) },
        settings: { ...settings, 'forgetMeNot.base': base },
      });
      tell(`${version}, ${condition}: ${JSON.stringify(table[condition])}`);
    }
  }
  if (values.json) log(JSON.stringify(result));
  else for (const [version, table] of Object.entries(result)) log(`\n${version}\n\n${tableText(table)}`);
  tell(`Load of the machine at the end: ${loadavg()[0]!.toFixed(1)}.`);
}

function readSetting(text: string): [string, unknown] {
  const at = text.indexOf('=');
  if (at < 0) throw new Error(`--setting needs KEY=JSON, not ${text}.`);
  return [text.slice(0, at), JSON.parse(text.slice(at + 1))];
}

async function measureCondition(
  tools: Tools,
  condition: Condition,
  { version, settings, trials, seed }: { version: Version; settings: object; trials: number; seed: number },
): Promise<Record<string, ListFigures>> {
  const place = await makePlace();
  try {
    const installed = condition !== 'not installed';
    const editor = await openEditor(tools, place, { version, installed, settings });
    try {
      await enter(condition, editor.workbench);
      const figures: Record<string, ListFigures> = {};
      for (const column of columns)
        figures[column.name] = listFigures(await measureList(editor.workbench, column, { trials, seed }));
      return figures;
    } finally {
      await editor.close();
    }
  } finally {
    await place.remove();
  }
}

const tell = (text: string) => process.stderr.write(`${text}\n`);

function tableText(table: Table): string {
  const cell = ({ median, p95, opened, trials }: ListFigures) =>
    `${median ?? '-'} / ${p95 ?? '-'}, ${opened}/${trials}`;
  const rows = Object.entries(table).map(([condition, row]) => [condition, ...Object.values(row).map(cell)]);
  return markdownTable(['ms, median / p95, opened', ...columns.map(({ name }) => name)], rows).join('\n');
}
