/** The `--help` text of a command: the most used options, the others grouped by topic, then examples. */
import type { Command, Option } from 'commander';
import { topics } from '../../training/options/index.ts';
import { flagName, flagNames, type AnyOption } from '../../training/options/option.ts';

interface CommandHelp {
  /** Long names of the options listed first. If not set, all options are in one list. */
  mostUsed?: readonly string[];
  /** The arguments after "forget-me-not", and what the command does. */
  examples: readonly (readonly [line: string, does: string])[];
}

/** The options of `train` by their headings, after the most used ones; any other option comes last. */
const groups = Object.entries(topics).map(
  ([heading, table]) => [heading, Object.values<AnyOption>(table).flatMap(flagNames)] as const,
);

export const help: Readonly<Record<string, CommandHelp>> = {
  doctor: { examples: [['doctor', 'shows what works on this machine, and how to get the rest']] },
  runtime: { examples: [['runtime install', 'installs TensorFlow, which makes training fast']] },
  models: {
    examples: [
      ['models', 'lists the bases, and the memory that training them takes here'],
      ['models fetch qwen2.5-coder-0.5b', 'downloads one of them before it is needed'],
    ],
  },
  cache: {
    examples: [
      ['cache', 'lists what is kept to be faster the next time, and how much it is'],
      ['cache clear prompts', 'deletes what models have read of your newest prompts'],
    ],
  },
  corpus: {
    mostUsed: ['include', 'exclude', 'files', 'base', 'sample', 'rows', 'json'],
    examples: [
      ['corpus .', 'shows which files of this folder would be read, which are left out, and why'],
      ['corpus . --include src --files', 'the same for the folder src in it, listing every file'],
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
      'name',
      'report',
      'detach',
      'yes',
      'json',
    ],
    examples: [
      ['train .', 'trains a base that suits this machine on this folder, in four passes'],
      ['train . --minutes 10 --include src', 'trains for ten minutes, on the files in src'],
      ['train api web --exclude api:docs', 'trains on two folders, without the folder docs of one'],
      ['train --continue latest --minutes 5', 'continues the last result with what has changed since'],
    ],
  },
  resume: { examples: [['resume latest', 'resumes the last run from its newest checkpoint']] },
  cancel: { examples: [['cancel latest', 'stops the last run and keeps a checkpoint for "resume latest"']] },
  changed: { examples: [['changed latest', 'says whether enough has changed to train again']] },
  sweep: {
    mostUsed: ['base', 'method', 'grid', 'steps', 'include', 'exclude', 'resume', 'yes', 'json'],
    examples: [
      ['sweep src --method lora', 'finds a learning rate, which later trainings of the same base use'],
      ['sweep src --on http://127.0.0.1:8265', 'runs the trials beside each other on a Ray cluster'],
    ],
  },
  runs: {
    examples: [
      ['runs', 'lists all runs, newest first'],
      [
        'runs delete 20261124-1405',
        'deletes the run whose id begins like that, and says first what it frees',
      ],
    ],
  },
  show: { examples: [['show latest', 'shows the settings and results of the last run']] },
  report: {
    examples: [
      ['report latest -o report.html', 'writes charts and metrics into one file that can be shared'],
    ],
  },
  compare: {
    examples: [['compare 20261126-1401 latest', 'compares two runs on the items that both answered']],
  },
  evaluate: {
    examples: [
      ['evaluate latest', 'measures what the run planned, or what is left of it'],
      ['evaluate latest --tasks humaneval --limit 164', 'measures it on all of HumanEval'],
      ['evaluate qwen2.5-coder-0.5b --tasks humaneval', 'measures a model without a run'],
    ],
  },
  proof: {
    examples: [
      ['proof latest', 'what the newest 30 commits after the run show'],
      ['proof latest --setting paper', 'the newest 200'],
    ],
  },
  strength: {
    examples: [
      ['strength latest', 'shows what was measured at each strength'],
      ['strength latest 0.5', 'applies half of the learned change from now on'],
    ],
  },
  sweeps: { examples: [['sweeps', 'lists the searches for a learning rate, newest first']] },
  reproduce: {
    examples: [
      ['reproduce --budget 60', "tests as many of the paper's claims as fit into an hour"],
      ['reproduce --on http://127.0.0.1:8265', 'tests them on a Ray cluster, all runs beside each other'],
    ],
  },
  complete: {
    examples: [['complete src/cart.py:12:8 --run latest', 'prints the ghost text for line 12, column 8']],
  },
  serve: {
    examples: [
      ['serve --run latest', 'serves the result and its base to other editors'],
      ['serve --base base.gguf --adapter mine=adapter.gguf --port 8080', 'serves your own model files'],
      [
        'serve --on http://10.0.0.7:8000 --adapter parser=latest --shared /mnt/lora',
        'hands the last result to vLLM there',
      ],
    ],
  },
  export: {
    examples: [
      ['export latest --to peft', "writes a folder for Hugging Face's PEFT library"],
      ['export latest --to gguf-merged --type Q8_0', 'writes one file for llama.cpp'],
    ],
  },
  import: {
    examples: [['import ./adapter --base smollm2-135m', 'makes a run of an adapter from elsewhere']],
  },
  publish: {
    examples: [
      ['publish latest --to /mnt/team/adapters', 'puts the last result into a folder that a team shares'],
      [
        'publish latest --to s3://team/adapters --name parser',
        'puts it into a bucket, as the next version of parser',
      ],
    ],
  },
  fetch: {
    examples: [
      ['fetch --from /mnt/team/adapters', 'lists what is there'],
      ['fetch parser@2 --from s3://team/adapters', 'makes a run of version 2 of parser'],
    ],
  },
};

/** Adds the help above to a command. */
export function arrangeHelp(command: Command): void {
  const { mostUsed, examples } = help[command.name()]!;
  if (mostUsed) arrangeOptions(command, mostUsed);
  const width = Math.max(...examples.map(([line]) => line.length));
  const lines = examples.map(([line, does]) => `  forget-me-not ${line.padEnd(width)}  ${does}`);
  command.addHelpText('after', `\n${examples.length > 1 ? 'Examples' : 'Example'}:\n${lines.join('\n')}`);
}

function arrangeOptions(command: Command, mostUsed: readonly string[]): void {
  const arranged = [['Most used:', mostUsed] as const, ...groups];
  const order = arranged.flatMap(([, names]) => names);
  const longName = ({ long }: Option) => flagName(long!);
  const optionRank = (option: Option) => {
    const rank = order.indexOf(longName(option));
    return rank < 0 ? order.length : rank;
  };
  const options = command.options as Option[];
  options.sort((a, b) => optionRank(a) - optionRank(b));
  for (const option of options)
    option.helpGroup(arranged.find(([, names]) => names.includes(longName(option)))?.[0] ?? 'More');
}
