/**
 * VS Code's list of suggestions and our ghost text beside it, as a person sees them:
 * `npm run bench:editor -- [--base ID|FILE] [--versions newest,oldest] [--trials 40] [--pauses] [--beside-training] [--json]`.
 *
 * A real VS Code, the newest and the oldest that is supported, with its own settings for suggestions. docs/benchmarks.md
 * says what is done and what the figures mean.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { resolveBase } from '../src/base-models/resolve.ts';
import { conditions, enter, type Condition } from './editor/conditions.ts';
import { makePlace, openEditor, prepareTools, type Editor, type Place, type Tools } from './editor/driver.ts';
import type { Version } from './editor/driver.ts';
import { versionFigures, type Measured, type VersionFigures } from './editor/figures.ts';
import type { Language } from './editor/code-state.ts';
import { columns, measureList } from './editor/list.ts';
import { report } from './editor/report.ts';
import { startTraining } from './editor/training.ts';
import { measureTyping, tasks } from './editor/typing.ts';
import { makeOwnHome } from './own-home.ts';

const options = {
  base: { type: 'string', default: 'smollm2-135m' },
  versions: { type: 'string', default: 'newest,oldest' },
  /** Rows of the table: all of them, or some, with commas. */
  conditions: { type: 'string', default: conditions.join() },
  /** Of each cell of the table; 0: no table. */
  trials: { type: 'string', default: '40' },
  /** In which files are typed, with commas; '': in none. */
  languages: { type: 'string', default: Object.keys(tasks).join() },
  /** Rest at the ends of lines and now and then, as people do. */
  pauses: { type: 'boolean', default: false },
  /** All of it beside a training. */
  'beside-training': { type: 'boolean', default: false },
  seed: { type: 'string', default: '1' },
  /** KEY=JSON, in the user's settings; several times. */
  setting: { type: 'string', multiple: true },
  /** Where what was drawn is written: each suggestion, and what became of it. */
  trace: { type: 'string' },
  json: { type: 'boolean', default: false },
} as const;

interface Session {
  tools: Tools;
  home: string;
  version: Version;
  settings: object;
  seed: number;
  trials: number;
  pauses: boolean;
}

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options });
  const { log } = console;
  // With --json, only the figures go to standard output.
  if (values.json) console.log = console.error;
  const { path: base } = await resolveBase(values.base);
  const settings = {
    ...Object.fromEntries((values.setting ?? []).map(readSetting)),
    'forgetMeNot.base': base,
  };
  const tools = await prepareTools();
  const home = await mkdtemp(join(tmpdir(), 'forget-me-not-editor-home-'));
  await makeOwnHome(home);
  const [seed, trials] = [Number(values.seed), Number(values.trials)];
  const rows = trials > 0 ? (values.conditions.split(',') as Condition[]) : [];
  const languages = values.languages.split(',').filter(Boolean) as Language[];
  const figures: Partial<Record<Version, VersionFigures>> = {};
  const endTraining = values['beside-training'] ? await startTraining(home, base) : undefined;
  try {
    for (const version of values.versions.split(',') as Version[]) {
      const session = { tools, home, version, settings, seed, trials, pauses: values.pauses };
      const measured = await measure(session, rows, languages);
      if (values.trace) await trace(join(values.trace, version), measured);
      figures[version] = versionFigures(measured);
    }
  } finally {
    await endTraining?.();
    await rm(home, { recursive: true, force: true, maxRetries: 20 });
  }
  log(values.json ? JSON.stringify(figures) : report(figures));
  tell(`Load of the machine at the end: ${loadavg()[0]!.toFixed(1)}.`);
}

function readSetting(text: string): [string, unknown] {
  const at = text.indexOf('=');
  if (at < 0) throw new Error(`--setting needs KEY=JSON, not ${text}.`);
  return [text.slice(0, at), JSON.parse(text.slice(at + 1))];
}

async function measure(
  session: Session,
  rows: readonly Condition[],
  languages: readonly Language[],
): Promise<Measured> {
  const measured: Measured = { waits: {}, typed: { without: [], with: [] } };
  const { trials, seed, pauses } = session;
  for (const condition of rows)
    await inEditor(session, condition, [], async ({ workbench }) => {
      const row: Measured['waits'][string] = (measured.waits[condition] = {});
      for (const column of columns) {
        row[column.name] = await measureList(workbench, column, { trials, seed });
        tell(
          `${session.version}, ${condition}, ${column.name}: ${row[column.name]!.map((ms) => (ms === undefined ? '-' : Math.round(ms))).join(' ')}`,
        );
      }
    });
  const untyped = languages.map((language) => tasks[language].file);
  for (const [side, condition] of [
    ['without', 'not installed'],
    ['with', 'on'],
  ] as const)
    if (languages.length > 0)
      await inEditor(session, condition, untyped, async (editor, place) => {
        for (const language of languages) {
          const typing = await measureTyping(editor, place, language, { seed, pauses });
          measured.typed[side].push(typing);
          tell(
            `${session.version}, ${condition}, ${language}: the list opened ${typing.opened} times, ${typing.suggestions.length} suggestions`,
          );
        }
      });
  return measured;
}

/** Opens a fresh VS Code under a condition. */
async function inEditor(
  { tools, home, version, settings }: Session,
  condition: Condition,
  untyped: readonly string[],
  body: (editor: Editor, place: Place) => Promise<void>,
): Promise<void> {
  const place = await makePlace(untyped);
  try {
    const installed = condition !== 'not installed';
    const editor = await openEditor(tools, place, { home, version, installed, settings });
    try {
      await enter(condition, editor.workbench);
      await body(editor, place);
    } finally {
      await editor.close();
    }
  } finally {
    await place.remove();
  }
}

async function trace(dir: string, { waits, typed }: Measured): Promise<void> {
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, 'waits.json'), JSON.stringify(waits));
  const lines = typed.with.flatMap(({ language, suggestions }) =>
    suggestions.map((one) => JSON.stringify({ language, ...one })),
  );
  await writeFile(join(dir, 'suggestions.jsonl'), lines.map((line) => `${line}\n`).join(''));
}

const tell = (text: string) => process.stderr.write(`${text}\n`);
