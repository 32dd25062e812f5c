/** Every command of the command line, in the order and under the headings that `--help` shows. */
import type { Command } from 'commander';
import { cacheCommand } from './set-up/cache.ts';
import { cancelCommand } from './fine-tune/cancel.ts';
import { changedCommand } from './fine-tune/changed.ts';
import { compareCommand } from './results/compare.ts';
import { completeCommand } from './use/complete.ts';
import { corpusCommand } from './fine-tune/corpus.ts';
import { doctorCommand } from './set-up/doctor.ts';
import { evaluateCommand } from './results/evaluate.ts';
import { exportCommand } from './use/export.ts';
import { fetchCommand } from './use/fetch.ts';
import { importCommand } from './use/import.ts';
import { modelsCommand } from './set-up/models.ts';
import { preferencesCommand } from './fine-tune/preferences.ts';
import { publishCommand } from './use/publish.ts';
import { reportCommand } from './results/report.ts';
import { reproduceCommand } from './results/reproduce.ts';
import { resumeCommand } from './fine-tune/resume.ts';
import { runsCommand } from './results/runs.ts';
import { runtimeCommand } from './set-up/runtime.ts';
import { serveCommand } from './use/serve.ts';
import { showCommand } from './results/show.ts';
import { strengthCommand } from './results/strength.ts';
import { sweepCommand } from './fine-tune/sweep.ts';
import { sweepsCommand } from './results/sweeps.ts';
import { trainCommand } from './fine-tune/train.ts';

export const commandGroups: Readonly<Record<string, readonly (() => Command)[]>> = {
  'Set up:': [doctorCommand, runtimeCommand, modelsCommand, cacheCommand],
  'Fine-tune:': [
    trainCommand,
    resumeCommand,
    cancelCommand,
    corpusCommand,
    changedCommand,
    sweepCommand,
    preferencesCommand,
  ],
  'Look at results:': [
    runsCommand,
    showCommand,
    reportCommand,
    compareCommand,
    evaluateCommand,
    strengthCommand,
    sweepsCommand,
    reproduceCommand,
  ],
  'Use results:': [completeCommand, serveCommand, exportCommand, importCommand, publishCommand, fetchCommand],
};
