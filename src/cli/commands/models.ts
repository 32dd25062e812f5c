import { readdir, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { Command } from 'commander';
import { isPresent, knownBasePath } from '../../base-models/resolve.ts';
import { knownBases } from '../../base-models/registry.ts';
import { modelsDir } from '../../protocol/paths.ts';
import { fetchBase } from '../fetch-base.ts';
import { formatBytes, formatTable } from '../format.ts';
import { printJson } from '../output.ts';

interface ModelsOptions {
  json?: boolean;
  yes?: boolean;
}

export function modelsCommand(): Command {
  const models = new Command('models')
    .description('bases to start from: which are known, which are here, and fetching one')
    .option('--json', 'print the result as JSON')
    .action(async (options: ModelsOptions) => list(options));
  models
    .command('fetch')
    .description('fetch a base, or check that it is here and whole')
    .argument('<ref>', 'a known base, a .gguf file, or owner/name[:file] on the hub')
    .option('--yes', 'download without asking')
    .option('--json', 'print the result as JSON')
    // --json stands for both commands; commander gives it to the outer one.
    .action(async (reference: string, _: ModelsOptions, command: Command) =>
      fetchOne(reference, command.optsWithGlobals<ModelsOptions>()),
    );
  return models;
}

interface Listed {
  id: string;
  name: string;
  bytes: number;
  parameters?: number;
  licence?: string;
  present: boolean;
  path: string;
}

async function list({ json }: ModelsOptions): Promise<void> {
  const known = await Promise.all(
    knownBases.map(async (base): Promise<Listed> => {
      const { id, name, bytes, parameters, licence } = base;
      return {
        id,
        name,
        bytes,
        parameters,
        licence,
        present: await isPresent(base),
        path: knownBasePath(base),
      };
    }),
  );
  const models = [...known, ...(await fromHub())];
  if (json) return printJson({ models });
  const rows = models.map(({ id, bytes, licence, present }) => [
    id,
    formatBytes(bytes),
    licence ?? 'see the hub',
    present ? 'here' : 'not fetched',
  ]);
  console.log(formatTable([['base', 'size', 'licence', ''], ...rows]));
  console.log('\nAlso: any .gguf file, or owner/name[:file] on the hub, of the plain Llama architecture.');
}

/** What was fetched from the hub before. */
async function fromHub(): Promise<Listed[]> {
  const hub = join(modelsDir(), 'hub');
  const names = await readdir(hub, { recursive: true }).catch(() => []);
  const files = names.filter((name) => name.endsWith('.gguf')).sort();
  return await Promise.all(
    files.map(async (name) => {
      const path = join(hub, name);
      const [owner, repository, ...file] = relative(hub, path).split(sep);
      const { size } = await stat(path);
      return {
        id: `${owner}/${repository}:${file.join('/')}`,
        name: file.join('/'),
        bytes: size,
        present: true,
        path,
      };
    }),
  );
}

async function fetchOne(reference: string, options: ModelsOptions): Promise<void> {
  const base = await fetchBase(reference, options);
  if (options.json) return printJson(base);
  console.log(
    `${base.id} is here: ${base.path}\n  sha256 ${base.sha256}${base.licence ? `\n  licence ${base.licence}` : ''}`,
  );
}
