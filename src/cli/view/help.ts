/** What `--help` of a command shows: the options that are used most, the rest by what they are about, then examples. */
import type { Command, Option } from 'commander';

interface CommandHelp {
  /** Long names of the options that come first; without them, all stand in one list. */
  mostUsed?: readonly string[];
  /** What follows "forget-me-not", and what it does. */
  examples: readonly (readonly [line: string, does: string])[];
}

/** Groups after those that are used most; an option that is in none of them comes last. */
const groups: Readonly<Record<string, string>> = {
  'More: what is read':
    'mode data pairs fim-rate fim-loss repository-context no-repository-context half-life replay replay-rate',
  'More: budget and size of steps': 'steps epochs tokens seq batch accumulate',
  'More: what trains, and how':
    'rank alpha targets rank-stabilised dropout attention-dropout no-rate-trials optimizer schedule warmup cooldown weight-decay clip',
  'More: what is measured':
    'eval-every eval-tasks eval-tasks-every eval-share held-out-windows humaneval retention measure-share forgetting-limit patience keep strength',
  'More: this machine': 'backend precision recompute seed',
  More: '',
};

export const help: Readonly<Record<string, CommandHelp>> = {
  doctor: { examples: [['doctor', 'what works here, and what to do about the rest']] },
  runtime: { examples: [['runtime install', 'TensorFlow, which makes training fast']] },
  models: {
    examples: [
      ['models', 'which bases there are, and which train on this machine'],
      ['models fetch qwen2.5-coder-0.5b', 'one of them, before it is needed'],
    ],
  },
  corpus: {
    mostUsed: ['include', 'exclude', 'files', 'base', 'sample', 'rows', 'json'],
    examples: [
      ['corpus .', 'what would be read of this folder, what is left out, and why'],
      ['corpus . --include src --files', 'the same of one folder in it, with every file'],
    ],
  },
  train: {
    mostUsed: [
      'base',
      'minutes',
      'include',
      'exclude',
      'continue',
      'method',
      'lr',
      'preferences',
      'name',
      'report',
      'detach',
      'yes',
      'json',
    ],
    examples: [
      ['train .', 'a fitting base on the code in this folder, four times through it'],
      ['train . --minutes 10 --include src', 'for ten minutes, on what is in src'],
      ['train --continue latest --minutes 5', 'goes on from the last result with what has changed since'],
    ],
  },
  resume: { examples: [['resume latest', 'the last run, from its newest checkpoint']] },
  cancel: { examples: [['cancel latest', 'keeps a checkpoint; "resume latest" goes on']] },
  changed: { examples: [['changed latest', 'whether it is time to train again']] },
  sweep: {
    mostUsed: ['base', 'method', 'grid', 'steps', 'include', 'exclude', 'resume', 'yes', 'json'],
    examples: [['sweep src --method lora', 'later trainings of the same base go by what it finds']],
  },
  preferences: { examples: [['preferences .', 'how many completions are kept, and where']] },
  runs: { examples: [['runs', 'all of them, newest first']] },
  show: { examples: [['show latest', 'what it was asked, and what came of it']] },
  report: {
    examples: [['report latest -o report.html', 'charts and figures in one file to send to somebody']],
  },
  compare: { examples: [['compare 20261126-1401 latest', 'two runs, on what both were measured on']] },
  evaluate: {
    examples: [
      ['evaluate latest', 'what its run planned, or the rest of it'],
      ['evaluate latest --tasks humaneval --limit 164', 'all of HumanEval'],
      ['evaluate qwen2.5-coder-0.5b --tasks humaneval', 'a model by itself'],
    ],
  },
  strength: {
    examples: [
      ['strength latest', 'what was measured at which strength'],
      ['strength latest 0.5', 'half of the change, from now on'],
    ],
  },
  spectrum: { examples: [['spectrum latest', 'how high the rank is of what was changed']] },
  reproduce: { examples: [['reproduce --budget 60', 'as many of the claims as an hour is enough for']] },
  complete: { examples: [['complete src/cart.py:12:8 --run latest', 'ghost text at line 12, column 8']] },
  serve: {
    examples: [
      ['serve --run latest', 'the result and its base, for other editors'],
      ['serve --base base.gguf --adapter mine=adapter.gguf --port 8080', 'files of your own'],
    ],
  },
  export: {
    examples: [
      ['export latest --to peft', "a folder for Hugging Face's PEFT library"],
      ['export latest --to gguf-merged --type Q8_0', 'one file for llama.cpp'],
    ],
  },
  import: { examples: [['import ./adapter --base smollm2-135m', 'an adapter from elsewhere, as a run']] },
};

/** Gives a command the help above. */
export function arrangeHelp(command: Command): void {
  const { mostUsed, examples } = help[command.name()]!;
  if (mostUsed) arrangeOptions(command, mostUsed);
  const width = Math.max(...examples.map(([line]) => line.length));
  const lines = examples.map(([line, does]) => `  forget-me-not ${line.padEnd(width)}  ${does}`);
  command.addHelpText('after', `\n${examples.length > 1 ? 'Examples' : 'Example'}:\n${lines.join('\n')}`);
}

function arrangeOptions(command: Command, mostUsed: readonly string[]): void {
  const named = Object.entries(groups).map(([heading, names]) => [heading, names.split(' ')] as const);
  const all = [['Most used:', mostUsed] as const, ...named];
  const last = all.length - 1;
  const nameOf = ({ long }: Option) => long!.replace(/^--/, '');
  const place = (option: Option) => {
    const found = all.findIndex(([, names]) => names.includes(nameOf(option)));
    const group = found < 0 ? last : found;
    return { group, order: all[group]![1].indexOf(nameOf(option)) };
  };
  const options = command.options as Option[];
  options.sort((a, b) => place(a).group - place(b).group || place(a).order - place(b).order);
  for (const option of options) option.helpGroup(all[place(option).group]![0]);
}
