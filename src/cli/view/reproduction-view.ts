/** The output of a reproduction: its progress and its findings. */
import type { ClaimResult } from '../../protocol/reproduction.ts';
import { claimsText } from '../../reproduce/report.ts';
import type { Reporter } from '../../reproduce/reproduce.ts';
import { reportPath, type Reproduction } from '../../reproduce/store.ts';
import { formatDuration } from './format.ts';
import { LiveLine, splitLines, noteJson, print, printJson, printProgress } from './output.ts';

export interface ReproductionView extends Reporter {
  /** Removes the line that rewrites itself. */
  end(): void;
}

export const reproductionView = (json: boolean): ReproductionView =>
  json ? jsonReporter : new TextReporter();

/** Prints the table of claims; `onCluster`: work continues on a cluster. */
export function printClaims(
  { dir, spec }: Reproduction,
  results: readonly ClaimResult[],
  { json, seconds, onCluster = false }: { json: boolean; seconds: number; onCluster?: boolean | undefined },
): void {
  const continues = onCluster && { underWay: onCluster };
  if (json) return printJson({ reproduction: spec.id, dir, seconds, ...continues, claims: results });
  print('', splitLines(claimsText(results)), '');
  const resume = `forget-me-not reproduce --resume ${spec.id}`;
  const remaining = results.filter((result) => result.left).length;
  if (onCluster) print(`Its work goes on on the cluster. Attach again with: ${resume}`);
  else if (remaining)
    print(`${remaining} of ${results.length} claims need more time. Resume with: ${resume} --budget MINUTES`);
  print(
    `Took ${formatDuration(seconds)}. Intervals cover the choice of items and, with several seeds, that of seeds.`,
    `Report: ${reportPath(dir)}`,
  );
}

/** A line for each stage; on a terminal, also one line below that rewrites itself. */
class TextReporter implements ReproductionView {
  private readonly line = new LiveLine(process.stdout);

  stage(title: string, number: number, of: number, eta: { stage: number; all: number }): void {
    this.end();
    print(
      `[${number}/${of}] ${title}: about ${formatDuration(eta.stage)}, ${formatDuration(eta.all)} for all that is planned`,
    );
  }
  phase(text: string): void {
    this.line.show(`      ${text}`);
  }
  note(text: string): void {
    this.end();
    print(`      ${text}`);
  }
  end(): void {
    this.line.clear();
  }
}

const jsonReporter: ReproductionView = {
  stage: (phase, done, total, { all }) =>
    printProgress({ phase, done: done - 1, total, unit: 'stages', etaSeconds: Math.round(all) }),
  phase() {},
  note: (text) => noteJson({ note: text }),
  end() {},
};
