/** Every command of the command line, in the order and under the headings that `--help` shows. */
import type { Command } from 'commander';
import { cacheCommand } from './cache.ts';
import { cancelCommand } from './cancel.ts';
import { changedCommand } from './changed.ts';
import { compareCommand } from './compare.ts';
import { completeCommand } from './complete.ts';
import { corpusCommand } from './corpus.ts';
import { doctorCommand } from './doctor.ts';
import { evaluateCommand } from './evaluate.ts';
import { exportCommand } from './export.ts';
import { fetchCommand } from './fetch.ts';
import { importCommand } from './import.ts';
import { modelsCommand } from './models.ts';
import { preferencesCommand } from './preferences.ts';
import { publishCommand } from './publish.ts';
import { reportCommand } from './report.ts';
import { reproduceCommand } from './reproduce.ts';
import { resumeCommand } from './resume.ts';
import { runsCommand } from './runs.ts';
import { runtimeCommand } from './runtime.ts';
import { serveCommand } from './serve.ts';
import { showCommand } from './show.ts';
import { spectrumCommand } from './spectrum.ts';
import { strengthCommand } from './strength.ts';
import { sweepCommand } from './sweep.ts';
import { sweepsCommand } from './sweeps.ts';
import { trainCommand } from './train.ts';

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
    spectrumCommand,
    sweepsCommand,
    reproduceCommand,
  ],
  'Use results:': [completeCommand, serveCommand, exportCommand, importCommand, publishCommand, fetchCommand],
};
