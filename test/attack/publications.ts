/**
 * Hostile publications: written into a shared folder by somebody, fetched by the product. It is broken if anything is
 * trusted without a check here, is written outside the run's folder, is left over, or ends without a sentence.
 */
import { execFileSync } from 'node:child_process';
import { appendFile, cp, mkdir, readdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { examine } from '../../src/base-models/checksums.ts';
import { showCommand } from '../../src/cli/commands/results/show.ts';
import { reportError } from '../../src/text/errors.ts';
import { setLanguage } from '../../src/text/l10n.ts';
import type { RunSpec } from '../../src/protocol/run.ts';
import { readRun } from '../../src/runs/index.ts';
import { fetchAdapter, findPublished } from '../../src/sharing/fetch-adapter.ts';
import { packRun } from '../../src/sharing/pack.ts';
import { FolderStore } from '../../src/sharing/stores/folder-store.ts';
import type { Place, Store, Transfer } from '../../src/sharing/stores/store.ts';
import { servedRun } from '../../src/serving/client/run-model.ts';
import { exportAdapterGguf, readAdapterGguf } from '../../src/weights/index.ts';
import { comparisonRows } from '../../webview/view-model/comparisons.ts';
import { bundleIn } from '../support/manifest.ts';
import { Random } from '../support/random.ts';
import { until } from '../support/until.ts';
import { makeSharedRun, replaceFile } from '../support/shared-run.ts';
import type { Campaign, Trial } from './campaign.ts';
import { claims, hostileWeights, mutated, type Json } from './hostile-json.ts';
import {
  ending,
  killGroup,
  mustBeSentence,
  openGround,
  startBundle,
  within,
  type Ground,
} from './support.ts';

const counts = {
  manifest: 40,
  summary: 25,
  run: 25,
  events: 10,
  weights: 25,
  folder: 10,
  change: 9,
  killed: 6,
};
/** No number in an adapter is larger. */
const LARGEST = 65_504;

export const publications: Campaign = {
  title: 'hostile publications',
  async open({ seed }) {
    const before = process.env['TMPDIR'];
    const stage = await Stage.open(await openGround());
    const random = new Random(seed);
    const make: Record<keyof typeof counts, (random: Random) => Trial> = {
      manifest: (one) => stage.jsonTrial('manifest.json', one),
      summary: (one) => stage.claimTrial(one),
      run: (one) => stage.jsonTrial('run.json', one),
      events: (one) => stage.jsonTrial('events.jsonl', one),
      weights: (one) => stage.weightsTrial(one),
      folder: (one) => stage.folderTrial(one),
      change: (one) => stage.changeTrial(one),
      killed: (one) => stage.killedTrial(one),
    };
    const trials = Object.entries(counts).flatMap(([kind, count]) =>
      Array.from({ length: count }, (_, index): Trial => {
        const { name, run } = make[kind as keyof typeof counts](new Random(random.integer(2 ** 31)));
        return { name: `${name}, ${index}`, run };
      }),
    );
    return {
      trials,
      async close() {
        if (before === undefined) delete process.env['TMPDIR'];
        else process.env['TMPDIR'] = before;
        await stage.ground.close();
      },
    };
  },
};

const pick = <T>(random: Random, from: readonly T[]): T => from[random.integer(from.length)]!;

/** Reads of the shared folder with something happening in between. */
type Meanwhile = (place: Place) => Promise<void>;

class Stage {
  private constructor(
    readonly ground: Ground,
    private readonly base: RunSpec['base'],
    /** The run that is published, and that publication before anybody changes it. */
    private readonly own: string,
    private readonly whole: string,
  ) {}

  static async open(ground: Ground): Promise<Stage> {
    const { at } = ground;
    await mkdir(at('tmp'));
    process.env['TMPDIR'] = at('tmp');
    const base = { id: 'base', ...(await examine(at('base.gguf'))) };
    const own = await makeSharedRun(base, at);
    await mkdir(at('packing'));
    const writeReport = (_: string, to: string) => writeFile(to, '<!doctype html>');
    const { files } = await packRun(own, at('packing'), {
      name: 'demo',
      version: 1,
      writeReport,
      versions: {},
    });
    await new FolderStore(at('whole')).publish('demo', 1, files, {});
    await writeFile(at('outside'), 'not of a publication');
    return new Stage(ground, base, own, at('whole/demo/1'));
  }

  private version = () => this.ground.at('team/demo/1');

  /** A publication, modified by `change`, is fetched by somebody else and judged. */
  private trial(name: string, change: () => Promise<void>, meanwhile?: Meanwhile): Trial {
    const { at } = this.ground;
    return {
      name,
      run: async () => {
        process.env['FORGET_ME_NOT_HOME'] = at('bob');
        try {
          await cp(this.whole, this.version(), { recursive: true });
          await change();
          const before = await this.outside();
          const fetched = await this.fetch(meanwhile);
          if (fetched) await this.judge(fetched);
          const runs = await readdir(at('bob/runs')).catch(() => []);
          if (runs.length !== Number(fetched !== undefined)) throw new Error(`left: ${runs.join(', ')}`);
          const after = await this.outside();
          if (after !== before && !meanwhile) throw new Error(`${before}\nbecame\n${after}`);
        } finally {
          process.env['FORGET_ME_NOT_HOME'] = at('home');
          for (const folder of ['bob', 'team']) await rm(at(folder), { recursive: true, force: true });
        }
      },
    };
  }

  /** Everything there except the fetched run. */
  private async outside(): Promise<string> {
    const names = await readdir(this.ground.at('.'), { recursive: true });
    return names.filter((name) => !name.startsWith('bob')).join('\n');
  }

  /** The run's folder; undefined if it was rejected with a sentence. */
  private async fetch(meanwhile?: Meanwhile): Promise<string | undefined> {
    const store: Store = new FolderStore(this.ground.at('team'));
    if (meanwhile) {
      const { download } = store;
      store.download = async (place: Place, to: string, transfer: Transfer) => {
        await meanwhile(place);
        await download.call(store, place, to, transfer);
      };
    }
    const fetching = async () =>
      fetchAdapter(store, await findPublished({ store, name: 'demo' }), { base: this.base, versions: {} });
    const ended = await within(
      fetching().then(
        ({ dir }) => ({ dir }),
        (error: unknown) => ({ error }),
      ),
    );
    if ('dir' in ended) return ended.dir;
    const { code, message, next } = reportError(ended.error);
    if (code === 'internal') throw new Error(`[internal] ${message}`);
    mustBeSentence(`${message} ${next}`);
    if (message.length > 3000 || /"" in /.test(message) || !isPlain(message))
      throw new Error(`no sentence: ${message.slice(0, 200)}`);
    return undefined;
  }

  /** What was accepted is marked as the publisher's word, and can be viewed. */
  private async judge(dir: string): Promise<void> {
    const run = await readRun(dir);
    const known = /^(adapter\.gguf|(run|state|shared)\.json|events\.jsonl|evaluation([\\/]summary\.json)?)$/;
    const strange = (await readdir(dir, { recursive: true })).find((name) => !known.test(name));
    if (strange) throw new Error(`the run has ${strange}`);
    const unchecked = new Error('it is checked first');
    const served = await servedRun(dir, () => Promise.reject(unchecked)).catch((error: unknown) => error);
    if (served !== unchecked) throw new Error('it would be served without a check');
    const { summary, spec } = run;
    const theirs = Object.keys(summary ?? {}).filter(
      (key) => !['step', 'sentence', 'comparisons', 'stated', 'refused'].includes(key),
    );
    const { stated = [] } = (summary ?? {}) as { stated?: string[] };
    const unmarked = summary?.comparisons.find(({ task }) => !stated.includes(task));
    if (theirs.length || unmarked)
      throw new Error(`accepted as measured here: ${[...theirs, unmarked?.task].join()}`);
    if (spec.base.path !== this.base.path || spec.folder || spec.folders || spec.continues)
      throw new Error(`it names places: ${JSON.stringify(spec)}`);
    // The reason for the rate is in the publisher's words.
    const ours = { ...spec, base: '', fetched: '', imported: '', learningRateReason: '' };
    if (/"\/|\/etc\/|evil/.test(JSON.stringify(ours)))
      throw new Error(`it names paths: ${JSON.stringify(spec)}`);
    if (spec.evaluation.retentionTexts > 8) throw new Error('it plans its own measurements');
    const { layers } = await readAdapterGguf(join(dir, 'adapter.gguf'));
    if (layers.some(({ a, b }) => [...a, ...b].some((value) => !(Math.abs(value) <= LARGEST))))
      throw new Error('it has weights that no model can take');
    await this.show(dir);
    // In another language, texts are looked up.
    setLanguage('de', bundleIn('de'));
    try {
      if (summary) comparisonRows(summary);
    } finally {
      setLanguage('en');
    }
  }

  /** `show` prints nothing that a terminal would interpret. */
  private async show(dir: string): Promise<void> {
    const { log } = console;
    let shown = '';
    console.log = (text: string) => (shown += text);
    try {
      await showCommand().parseAsync([relative(this.ground.at('bob/runs'), dir)], { from: 'user' });
    } finally {
      console.log = log;
    }
    if (!isPlain(shown)) throw new Error(`show prints ${JSON.stringify(shown)}`);
  }

  jsonTrial(file: string, random: Random): Trial {
    return this.trial(`${file} with another value`, async () => {
      const text = await readFile(join(this.version(), file), 'utf8');
      const lines = file.endsWith('.jsonl') ? text.trim().split('\n') : [text];
      const at = random.integer(lines.length);
      lines[at] = mutated(JSON.parse(lines[at]!) as Json, random);
      const after = `${lines.join('\n')}\n`;
      if (file === 'manifest.json') await writeFile(join(this.version(), file), after);
      else await replaceFile(this.version(), file, after);
    });
  }

  claimTrial(random: Random): Trial {
    return this.trial('summary.json that vouches for itself', async () => {
      const text = await readFile(join(this.version(), 'summary.json'), 'utf8');
      const made = JSON.stringify({ ...(JSON.parse(text) as object), ...claims(random) });
      const one = random.integer(3) === 0 ? mutated(JSON.parse(made) as Json, random) : made;
      await replaceFile(this.version(), 'summary.json', one);
    });
  }

  weightsTrial(random: Random): Trial {
    const { name, change } = hostileWeights(random);
    return this.trial(`weights ${name}`, async () => {
      const path = join(this.version(), 'adapter.gguf');
      if (change) await exportAdapterGguf(path, change(await readAdapterGguf(path)));
      const bytes = await readFile(path);
      if (!change) for (let i = 0; i < 3; i++) bytes[random.integer(bytes.length)]! ^= 1 << random.integer(8);
      const end = name === 'cut short' ? random.integer(bytes.length) : bytes.length;
      await replaceFile(this.version(), 'adapter.gguf', bytes.subarray(0, end));
    });
  }

  folderTrial(random: Random): Trial {
    const file = pick(random, ['adapter.gguf', 'run.json', 'manifest.json', 'summary.json', 'events.jsonl']);
    const kind = pick(random, ['link', 'pipe', 'folder', 'device', 'gone', 'also', 'linked folder'] as const);
    return this.trial(`${file}: ${kind}`, async () => {
      const path = join(this.version(), file);
      if (kind === 'also') {
        for (const name of ['CON', 'nul.txt', file.toUpperCase(), '..evil', '\u001b[2J'])
          await writeFile(join(this.version(), name), 'x');
        return;
      }
      if (kind === 'linked folder') {
        await rm(this.version(), { recursive: true });
        return symlink(this.whole, this.version());
      }
      await spoil(path, kind, this.ground.at('outside'));
    });
  }

  changeTrial(random: Random): Trial {
    const file = pick(random, ['adapter.gguf', 'run.json', 'summary.json', 'events.jsonl']);
    const kind = pick(random, ['link', 'pipe', 'folder', 'gone', 'grown', 'shorter'] as const);
    const meanwhile = async ({ path }: Place) => {
      if (path === file) await spoil(join(this.version(), file), kind, this.ground.at('outside'));
    };
    return this.trial(`${file} that changes meanwhile: ${kind}`, () => Promise.resolve(), meanwhile);
  }

  /** Killed at any moment; the next fetch leaves nothing of it. */
  killedTrial(random: Random): Trial {
    const { at } = this.ground;
    const publish = () =>
      startBundle('cli', ['publish', this.own, '--to', at('team'), '--name', 'killed', '--yes']);
    return {
      name: 'a publisher that is killed',
      run: async () => {
        try {
          const child = publish();
          const ended = ending(child);
          const hasStarted = async () => (await readdir(at('tmp'))).length > 0;
          await Promise.race([until('its temporary folder', hasStarted), ended]);
          await Promise.race([sleep(random.integer(500)), ended]);
          killGroup(child);
          await ended;
          const how = await within(ending(publish()), 60_000);
          if (how !== 0) throw new Error(`the next one ended with ${how}`);
          const left = [...(await readdir(at('tmp'))), ...(await readdir(at('team'), { recursive: true }))];
          const hidden = left.filter((name) => /(^|[\\/])\.|^fmn-/.test(name));
          if (hidden.length) throw new Error(`left: ${hidden.join(', ')}`);
        } finally {
          await rm(at('team'), { recursive: true, force: true });
        }
      },
    };
  }
}

type Kind = 'link' | 'pipe' | 'folder' | 'device' | 'gone' | 'grown' | 'shorter';

async function spoil(path: string, kind: Kind, elsewhere: string): Promise<void> {
  if (kind === 'grown') return appendFile(path, Buffer.alloc(1 << 20));
  if (kind === 'shorter') return truncate(path, 10);
  await rm(path, { recursive: true });
  if (kind === 'pipe') execFileSync('mkfifo', [path]);
  else if (kind === 'folder') await mkdir(path);
  else if (kind !== 'gone') await symlink(kind === 'link' ? elsewhere : '/dev/zero', path);
}

/** Except for line ends. */
const isPlain = (text: string) =>
  // oxlint-disable-next-line no-control-regex
  !/[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/.test(text);
