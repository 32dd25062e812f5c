import { join, relative, sep } from 'node:path';
import { Command, Option } from 'commander';
import { ARCHITECTURES } from '../../../base-models/architectures.ts';
import { isPresent, knownBasePath } from '../../../base-models/known-base.ts';
import { ggufFilesIn } from '../../../base-models/models-on-disk.ts';
import { knownBases, type KnownBase, type Source } from '../../../base-models/registry.ts';
import { modelsDir } from '../../../platform/files/paths.ts';
import { sizeOf } from '../../../platform/network/download.ts';
import { forTerminal } from '../../../text/next-step.ts';
import { backendNames, type BackendName } from '../../../protocol/run.ts';
import { availableMemory } from '../../../platform/machine/available-memory.ts';
import { minGpuMemory, minMemory, runMemory } from '../../../training/memory/defaults.ts';
import { machineOptions } from '../../../training/options/place.ts';
import { addOptions } from '../../options/add-options.ts';
import { autoBase, type AutoBase, describeTensorflowGain } from '../../machine/auto-base.ts';
import { fetchBase, plannedDownload } from '../../machine/fetch-base.ts';
import { formatBytes, formatTable } from '../../view/format.ts';
import { print, printJson } from '../../view/output.ts';
import { gpuMemory } from '../../machine/fit-machine.ts';
import { plannedBackend } from '../../machine/planned-backend.ts';
import { english, withTexts } from '../../../text/message.ts';

interface ModelsOptions {
  backend: BackendName | 'auto';
  device?: string;
  json?: boolean;
  yes?: boolean;
  dryRun?: boolean;
}

export function modelsCommand(): Command {
  const models = new Command('models')
    .description('list the base models that training can start from, or fetch one')
    .addOption(
      new Option('--backend <name>', 'library that will train')
        .choices(['auto', ...backendNames])
        .default('auto'),
    );
  addOptions(models, { device: machineOptions.device })
    .option('--json', 'print the result as JSON')
    .action(async (options: ModelsOptions) => list(options));
  models
    .command('fetch')
    .description('download a base, or check that it is already here and intact')
    .argument(
      '<ref>',
      'a known base, a .gguf file, owner/name[:file] on Hugging Face, or auto: chosen for this machine',
    )
    .option('--yes', 'download without asking')
    .option('--dry-run', 'only say what would be downloaded')
    .option('--json', 'print the result as JSON')
    // Both commands have --json; commander assigns it to the outer one.
    .action(async (reference: string, _: ModelsOptions, command: Command) =>
      fetchModel(reference, command.optsWithGlobals<ModelsOptions>()),
    );
  return models;
}

interface Listed {
  id: string;
  name: string;
  bytes: number;
  present: boolean;
  path: string;
  /** The fields below are set for known bases only. */
  parameters?: number;
  licence?: string;
  quantisation?: string;
  contextLength?: number;
  fillInTheMiddle?: boolean;
  /**
   * Memory in bytes of a run with default options on this machine, and the minimum that a run can be fitted into
   * (infinite, null as JSON, if no memory is enough for wasm).
   */
  memory?: { lora: number; full: number };
  leastMemory?: { lora: number; full: number };
  /** In the order they are tried. */
  sources?: { kind: 'pypi' | 'hub'; from: string }[];
}

async function list({ json, backend: wanted, device }: ModelsOptions): Promise<void> {
  const backend = await plannedBackend({ backend: wanted, device });
  const gpu = await gpuMemory(backend, device);
  const [known, chosen, free] = await Promise.all([
    Promise.all(knownBases.map((base) => describe(base, backend, gpu !== undefined))),
    autoBase(wanted),
    gpu ?? availableMemory(),
  ]);
  const models = [...known, ...(await listHubModels(known))];
  if (json) return printJson({ models, default: baseJson(chosen), availableMemory: free });
  const rows = models.map(({ id, bytes, licence, memory, leastMemory, fillInTheMiddle, present }) => [
    id,
    formatBytes(bytes),
    licence ?? 'see Hugging Face',
    memory ? formatBytes(memory.lora) : '',
    memory ? formatBytes(memory.full) : '',
    fillInTheMiddle === undefined ? '' : fillInTheMiddle ? 'yes' : 'no',
    [
      present ? 'here' : 'not fetched',
      ...(leastMemory && leastMemory.lora > free ? ['too large to train here'] : []),
    ].join(', '),
  ]);
  const head = ['base', 'size', 'licence', 'memory: LoRA', 'full', 'fill-in-the-middle', ''];
  print(formatTable([head, ...rows]));
  const later = describeTensorflowGain(chosen);
  print(
    '',
    forTerminal(`The default on this machine is ${chosen.id}: ${english(chosen.why)}.${english(later)}`),
  );
  print(
    `Also: any .gguf file, or owner/name[:file] on Hugging Face, of these architectures: ${ARCHITECTURES}.`,
  );
}

const baseJson = ({ id, why, withTensorflow }: AutoBase): object => ({
  id,
  ...withTexts({ why }),
  ...(withTensorflow && { withTensorflow: baseJson(withTensorflow) }),
});

async function describe(base: KnownBase, backend: BackendName, onGpu: boolean): Promise<Listed> {
  const { id, name, bytes, parameters, licence, quantisation, contextLength, fillInTheMiddle } = base;
  const path = knownBasePath(base);
  const present = await isPresent(base);
  return {
    id,
    name,
    bytes: present ? await sizeOf(path) : bytes,
    present,
    path,
    parameters,
    licence,
    quantisation,
    contextLength,
    fillInTheMiddle,
    memory: both((method) => runMemory(base, method, { backend, hasOwnMemory: onGpu })),
    leastMemory: both((method) => (onGpu ? minGpuMemory : minMemory)(base, method, { backend })),
    sources: base.sources.map(describeSource),
  };
}

const both = (of: (method: 'lora' | 'full') => number) => ({ lora: of('lora'), full: of('full') });

const describeSource = (source: Source) => ({
  kind: source.kind,
  from: source.kind === 'hub' ? source.repository : source.parts.map(({ project }) => project).join(' '),
});

/** Other models that were fetched from the hub before. */
async function listHubModels(known: Listed[]): Promise<Listed[]> {
  const hub = join(modelsDir(), 'hub');
  const listed = new Set(known.map(({ path }) => path));
  const others = (await ggufFilesIn(hub)).filter(({ path }) => !listed.has(path));
  return others.map(({ path, bytes }) => {
    const [owner, repository, ...file] = relative(hub, path).split(sep);
    const name = file.join('/');
    return { id: `${owner}/${repository}:${name}`, name, bytes, present: true, path };
  });
}

async function fetchModel(reference: string, options: ModelsOptions): Promise<void> {
  if (options.dryRun) return printPlannedDownload(reference, options);
  const base = await fetchBase(reference, options);
  if (options.json) return printJson(base);
  print(
    `${base.id} is here: ${base.path}`,
    `  sha256 ${base.sha256}`,
    base.licence ? [`  licence ${base.licence}`] : [],
  );
}

async function printPlannedDownload(reference: string, options: ModelsOptions): Promise<void> {
  const { what, bytes } = (await plannedDownload(reference, options)) ?? { what: reference, bytes: 0 };
  if (options.json) return printJson({ what, bytes });
  print(bytes ? `${what} would be downloaded: ${formatBytes(bytes)}.` : `${what} is here.`);
}
