import { Command } from 'commander';
import { importAdapter } from '../../../export/import-adapter.ts';
import { fetchBase } from '../../machine/fetch-base.ts';
import { print, printJson } from '../../view/output.ts';
import { version } from '../../version.ts';

interface Options {
  base: string;
  name?: string;
  yes?: boolean;
  json?: boolean;
}

export function importCommand(): Command {
  return new Command('import')
    .description('import an adapter from elsewhere as a run, to evaluate, compare, export and serve it')
    .argument('<path>', 'a folder that the PEFT library saved, or a GGUF adapter')
    .requiredOption(
      '--base <base>',
      'the base model it was trained on: a known base, a .gguf file, or owner/name[:file] on Hugging Face',
    )
    .option('--name <name>', "name of the run (default: the file's or folder's name)")
    .option('--yes', 'download the base without asking')
    .option('--json', 'print the new run as JSON')
    .action(async (path: string, options: Options) => {
      const base = await fetchBase(options.base, options);
      const { dir, id, spec } = await importAdapter({
        path,
        base,
        name: options.name,
        versions: { 'forget-me-not': version, node: process.version },
      });
      if (options.json) return printJson({ run: id, dir });
      const { rank, alpha, targets } = spec.hyper;
      print(
        `Run ${id}: LoRA r = ${rank}, alpha = ${alpha}, on ${targets.join(' ')} of ${base.id}.`,
        `Measure what it forgot: forget-me-not evaluate ${id} --tasks retention`,
      );
    });
}
