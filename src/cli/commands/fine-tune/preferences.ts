import { resolve } from 'node:path';
import { Command } from 'commander';
import { deletePreferences, preferencesFile, readPreferences } from '../../../corpus/preferences/store.ts';
import { formatTable } from '../../view/format.ts';
import { print, printJson, type Lines } from '../../view/output.ts';
import { ignoreMissing } from '../../../runs/file-mark.ts';

export function preferencesCommand(): Command {
  return new Command('preferences')
    .description('show what was recorded about completions in a folder')
    .argument('<folder>', 'a workspace folder of VS Code')
    .option('--delete', 'delete the record')
    .option('--json', 'print the result as JSON')
    .action(async (folder: string, options: { delete?: boolean; json?: boolean }) => {
      const file = preferencesFile(resolve(folder));
      if (options.delete) await deletePreferences(file);
      const kept = await describe(file);
      if (options.json) printJson(kept);
      else print(format(kept));
    });
}

interface RecordedPreferences {
  file: string;
  completions: number;
  /** When the oldest completion was shown. */
  since: string | undefined;
  /** Number of unreadable lines. */
  broken: number;
  /** By the base that suggested them. */
  bases: { id: string; sha256: string; completions: number }[];
}

async function describe(file: string): Promise<RecordedPreferences> {
  const { preferences, broken } = (await readPreferences(file).catch(ignoreMissing)) ?? {
    preferences: [],
    broken: 0,
  };
  const byBase = new Map<string, RecordedPreferences['bases'][number]>();
  for (const { base } of preferences) {
    const { completions = 0 } = byBase.get(base.sha256) ?? {};
    byBase.set(base.sha256, { ...base, completions: completions + 1 });
  }
  const bases = [...byBase.values()];
  return { file, completions: preferences.length, since: preferences[0]?.time, broken, bases };
}

function format({ file, completions, since, broken, bases }: RecordedPreferences): Lines {
  if (completions === 0)
    return `No completions are recorded for that folder (${file}). VS Code records them if the setting forgetMeNot.completion.learnFromUse is on.`;
  const rows = bases.map((base) => [base.id, String(base.completions)]);
  return [
    `${completions} completions since ${since!.slice(0, 10)}, in ${file}${broken ? `; ${broken} lines can't be read` : ''}`,
    ...formatTable([['suggested by', 'completions'], ...rows]),
  ];
}
