/** Every command of the command line, in the order and under the headings that `--help` shows. */
import type { Command } from 'commander';
import type * as Larger from './larger.ts';
import { cacheCommand } from './set-up/cache.ts';
import { exportCommand } from './use/export.ts';
import { runsCommand } from './results/runs.ts';
import { showCommand } from './results/show.ts';
import { sweepsCommand } from './results/sweeps.ts';

const larger = (name: keyof typeof Larger) => async () => (await import('./larger.ts'))[name]();

export const commandGroups: Readonly<
  Record<string, Readonly<Record<string, () => Command | Promise<Command>>>>
> = {
  'Set up:': {
    doctor: larger('doctorCommand'),
    runtime: larger('runtimeCommand'),
    models: larger('modelsCommand'),
    cache: cacheCommand,
  },
  'Fine-tune:': {
    train: larger('trainCommand'),
    resume: larger('resumeCommand'),
    cancel: larger('cancelCommand'),
    corpus: larger('corpusCommand'),
    changed: larger('changedCommand'),
    sweep: larger('sweepCommand'),
  },
  'Look at results:': {
    runs: runsCommand,
    show: showCommand,
    report: larger('reportCommand'),
    compare: larger('compareCommand'),
    evaluate: larger('evaluateCommand'),
    proof: larger('proofCommand'),
    strength: larger('strengthCommand'),
    sweeps: sweepsCommand,
    reproduce: larger('reproduceCommand'),
  },
  'Use results:': {
    complete: larger('completeCommand'),
    serve: larger('serveCommand'),
    export: exportCommand,
    import: larger('importCommand'),
    publish: larger('publishCommand'),
    fetch: larger('fetchCommand'),
  },
};
