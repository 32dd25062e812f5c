import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compareRuns } from '../../evaluation/metrics/between-runs.ts';
import { isDiskFull, reportError, UserError } from '../../text/errors.ts';
import type { ComparisonAnswer } from '../../protocol/panel.ts';
import { writeByRename } from '../../platform/files/write-file.ts';
import { readRun } from '../../runs/index.ts';
import { sweepSnapshots } from '../../training/sweep/snapshot.ts';
import { reportHtml } from './html.ts';

/** A file of the panel's bundle: next to cli.mjs when bundled, else in the build folder. */
function panelAsset(file: string): string {
  const places = ['./webview/', '../../../dist/webview/'].map((place) =>
    fileURLToPath(new URL(place + file, import.meta.url)),
  );
  const found = places.find((path) => existsSync(path));
  if (!found)
    throw new UserError(
      'internal',
      `The results panel's ${file} is missing.`,
      'Build it with "npm run build".',
    );
  return found;
}

/** If the runs can't be compared, the report is still written and says why. */
async function compareIfPossible(dirs: string[], of: string[]): Promise<ComparisonAnswer> {
  try {
    return { of, comparison: await compareRuns(dirs) };
  } catch (error) {
    const { message, next } = reportError(error);
    return { of, problem: `${message} ${next}` };
  }
}

/**
 * Writes the runs, their comparison and, unless `sweeps` is false, the sweeps of their bases into one self-contained
 * HTML file with the first run selected. Returns its absolute path. It writes by rename, so a report is never half
 * replaced. Errors: those of readRun; bad-argument when the file can't be written.
 */
export async function writeReport(
  runDirs: string[],
  outPath: string,
  { sweeps = true }: { sweeps?: boolean } = {},
): Promise<string> {
  const runs = await Promise.all(runDirs.map((dir) => readRun(dir)));
  const [script, style] = await Promise.all(
    ['main.js', 'main.css'].map((file) => readFile(panelAsset(file), 'utf8')),
  );
  const html = reportHtml({
    script: script!,
    style: style!,
    message: {
      type: 'runs',
      runs,
      sweeps: sweeps ? await sweepSnapshots(runs.map(({ spec }) => spec.base.sha256)) : [],
      selected: runs[0]?.spec.id,
      ...(runs.length > 1 && {
        comparison: await compareIfPossible(
          runDirs,
          runs.map(({ spec }) => spec.id),
        ),
      }),
    },
    writtenAt: new Date(),
  });
  const out = resolve(outPath);
  try {
    await mkdir(dirname(out), { recursive: true });
    await writeByRename(out, html);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (isDiskFull(error)) throw error;
    throw new UserError(
      'bad-argument',
      `The report can't be written to ${out} (${code ?? message}).`,
      'Name another file with -o.',
      { cause: error },
    );
  }
  return out;
}
