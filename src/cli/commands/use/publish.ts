import { tmpdir } from 'node:os';
import { Command } from 'commander';
import { sharedLabel } from '../../../protocol/sharing.ts';
import { findRun, readSpec } from '../../../runs/index.ts';
import { inTemporaryFolder } from '../../../runs/temporary-folders.ts';
import { packRun, sharedName, type Packed } from '../../../sharing/pack.ts';
import { openStore } from '../../../sharing/stores/open-store.ts';
import { placeOf, requireName } from '../../../sharing/stores/store.ts';
import { consent } from '../../confirm.ts';
import { findServed } from '../../processes/served-check.ts';
import { writeReport } from '../../report/write.ts';
import { version } from '../../version.ts';
import { fileSize } from '../../view/format.ts';
import { print, printJson } from '../../view/output.ts';
import { withProgress } from '../../view/progress.ts';

interface Options {
  to: string;
  name?: string;
  licence?: string;
  yes?: boolean;
  json?: boolean;
}

export function publishCommand(): Command {
  return new Command('publish')
    .description("share a run's adapter with its report and metrics, without any text that it learned")
    .argument('<run>', 'id of a run, the start of one, or latest')
    .requiredOption(
      '--to <place>',
      'a folder, s3://bucket/prefix (any store of that protocol), or hub:owner/name on Hugging Face',
    )
    .option('--name <name>', "name to fetch it by (default: the run's)")
    .option('--licence <text>', 'what others may do with it, in a sentence')
    .option('--yes', 'publish without asking')
    .option('--json', 'print what was published as JSON')
    .addHelpText(
      'after',
      '\nCredentials come from the environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION and AWS_ENDPOINT_URL; HF_TOKEN and HF_ENDPOINT.',
    )
    .action(publish);
}

async function publish(wanted: string, { to, name: asked, licence, yes, json }: Options): Promise<void> {
  const store = await openStore(to);
  const dir = await findRun(wanted);
  // Only an adapter whose served model matches the trained one is worth sharing.
  await findServed(dir);
  const name = asked ?? sharedName((await readSpec(dir)).name);
  requireName(name);
  const next = ((await store.versions(name)).at(-1) ?? 0) + 1;
  await inTemporaryFolder(tmpdir(), 'sharing', async (folder) => {
    const packed = await packRun(dir, folder, {
      name,
      version: next,
      licence,
      writeReport: async (runDir, out) => void (await writeReport([runDir], out, { sweeps: false })),
      versions: { 'forget-me-not': version },
    });
    const text = describeUpload(packed, placeOf(store));
    const what = `${sharedLabel(packed.manifest)} was not published`;
    await consent(text, { yes, json }, what, 'Run it again to publish.');
    await withProgress({ json }, (show, signal) =>
      store.publish(name, next, packed.files, {
        signal,
        onBytes: (done) => show({ phase: 'Sending', what: store.label, done, total: packed.bytes }),
      }),
    );
    printResult(packed, store.label, json);
  });
}

/** Lists what is uploaded, and where to. */
const describeUpload = ({ manifest, files, bytes }: Packed, to: string): string[] => [
  `${fileSize(bytes)} leave this machine for ${to}, as ${sharedLabel(manifest)}:`,
  ...files.map((file) => `  ${file.path}  ${fileSize(file.bytes)}`),
  'They hold weights, settings, curves and metrics, and no text of your files. An adapter may repeat pieces of what it learned.',
];

function printResult({ manifest, sha256, bytes }: Packed, to: string, json = false): void {
  const { name, version: number, run } = manifest;
  if (json) return printJson({ run, name, version: number, to, bytes, sha256 });
  print(
    `Published ${sharedLabel(manifest)}, sha256 ${sha256}.`,
    `Get it elsewhere: forget-me-not fetch ${name}@${number} --from ${to} --sha256 ${sha256}`,
  );
}
