/**
 * Trains the reference adapter of a base: what the base gains from raw code and fill-in-the-middle as this product asks
 * for it, whatever the repository. Learns from pinned packages (reference-adapter/packages.ts).
 *
 *     node bench/run.mjs reference-adapter --base qwen2.5-coder-0.5b --minutes 25 [--rank 8] --out FILE
 *
 * Continues where it stopped.
 */
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { artefactName } from '../src/protocol/run.ts';
import { dataDir } from '../src/platform/files/paths.ts';
import { readSpec } from '../src/runs/index.ts';
import { exportAdapterGguf, readAdapterGguf } from '../src/weights/index.ts';
import { commandLine } from './gain/command-line.ts';
import { fullBase, runKey, trained, type Working } from './gain/default-run.ts';
import { fetchRepository } from './gain/fetch.ts';
import { gainDir } from './gain/place.ts';
import { makeOwnHome } from './own-home.ts';
import { referencePackages } from './reference-adapter/packages.ts';
import { sampleOf } from './reference-adapter/sample.ts';

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      base: { type: 'string', default: 'qwen2.5-coder-0.5b' },
      minutes: { type: 'string', default: '25' },
      /** Enough for what all repositories have in common, in a file under 12 MB. */
      rank: { type: 'string', default: '8' },
      out: { type: 'string', default: 'reference.gguf' },
    },
  });
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort()).once('SIGTERM', () => stop.abort());
  const working: Working = { signal: stop.signal, tell: (text) => process.stderr.write(`${text}\n`) };
  await commandLine(dataDir(), ['runtime', 'install', '--yes'], stop.signal);
  const folders = await samples(working);
  const [first, ...others] = folders;
  const how = ['--base', fullBase(values.base), '--minutes', values.minutes, '--rank', values.rank];
  const alone = ['--no-reference', '--half-life', '0', '--name', 'reference'];
  const training = [...others, ...how, ...alone];
  const place = join(gainDir(), 'runs', `reference-${await runKey(training)}`);
  const home = join(place, 'home');
  await makeOwnHome(home);
  const dir = await trained(home, { name: 'reference', folder: first! }, training, working);
  const adapter = await readAdapterGguf(join(dir, artefactName(await readSpec(dir))));
  await exportAdapterGguf(resolve(values.out), adapter, 'F16');
  console.log(dir);
}

/** A folder with a part of each package. */
async function samples(working: Working): Promise<string[]> {
  const folders: string[] = [];
  for (const one of referencePackages) {
    const from = await fetchRepository({ ...one, use: 'partner' }, working);
    const to = join(gainDir(), 'reference', one.name);
    working.tell(`${one.name}: ${await sampleOf(from, one.endings, to)} characters of ${one.language}`);
    folders.push(to);
  }
  return folders;
}
