/** Hostile random names and texts that the real command line prints: none may reach the terminal raw. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { spawn } from 'node:child_process';
import { openGguf, writeGguf } from '../../src/gguf/index.ts';
import { Random } from '../support/random.ts';
import { makeRun, writeRun } from '../unit/webview/fixtures.ts';
import type { Campaign, Trial } from './campaign.ts';
import { openGround, within } from './support.ts';

const COUNT = 100;
const MAX_MS = 60_000;
/** Starts the lines that a hostile text tries to inject. */
const FORGED = 'FORGED';

/** Characters that terminals interpret and readers do not see, and lines that look like ours. */
const atoms = [
  ...['\x1b[31m', '\x1b[2J\x1b[H', '\x1b]0;title\x07', '\x1b]8;;http://x\x1b\\', '\x1bc', '\x1b'],
  ...['\x07', '\b\b\b', '\r', '\t', '\x0b', '\x0e', '\x7f', '\x9b31m', '\x9d0;t\x9c', '\x85'],
  ...[
    '\u202e',
    '\u202d',
    '\u2066',
    '\u2069',
    '\u200e',
    '\u200f',
    '\u061c',
    '\u200b',
    '\u2060',
    '\ufeff',
    '\u00ad',
  ],
  ...['\u2028', '\u2029', '\u3164', '\u{e0041}', '\u{e0100}'],
  ...[`\n${FORGED} line`, `\r\n${FORGED}: [disk-full] The disk is full.`, `\r${FORGED}`, `\u2028${FORGED}`],
];

/** Independent of the product's own list: what no output may contain, apart from its own line ends. */
const raw =
  // oxlint-disable-next-line no-control-regex
  /[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff]|[\u{e0000}-\u{e0fff}]/u;

interface Drawn {
  hostile: string;
  /** The same as a valid file name. */
  name: string;
  /** The part of it that any output of it shows. */
  mark: string;
}

function draw(random: Random, index: number): Drawn {
  const mark = `n${index}x${random.integer(1e6)}`;
  const some = Array.from({ length: 1 + random.integer(4) }, () => atoms[random.integer(atoms.length)]!);
  const hostile = `${mark}${some.join('y')}z`;
  return { hostile, name: hostile.replaceAll('/', '_'), mark };
}

interface Place {
  /** A folder for the trial. */
  dir: string;
  home: string;
  at(name: string): string;
  random: Random;
}

/** Puts the text somewhere, and returns how the command line encounters it. */
interface Met {
  args: string[];
  /** Its output need not show the text, for example if the command is rejected for another reason. */
  silent?: boolean;
  /** Line breaks and tabs belong to the text, as in a completion. */
  asText?: boolean;
  close?: () => Promise<unknown>;
}
type Kind = (drawn: Drawn, place: Place) => Promise<Met>;

const kinds: Record<string, Kind> = {
  async 'file and folder names in corpus'({ name }, { dir }) {
    const folder = join(dir, `folder ${name}`);
    await mkdir(folder);
    await writeFile(join(folder, `${name}.js`), 'export const one = 1;\n'.repeat(9));
    await writeFile(join(folder, `key ${name}.js`), `const key = "${'ghp_'}${'a1B2'.repeat(9)}";\n`);
    await writeFile(join(folder, `${name}.bin`), Buffer.alloc(99));
    return { args: ['corpus', folder, '--files'] };
  },
  async 'paths within a data set'({ hostile, mark }, { dir }) {
    const rows = Array.from({ length: 20 }, (_, at) =>
      JSON.stringify({ text: `const a${at} = ${mark};\n${hostile}` }),
    );
    await writeFile(join(dir, 'rows.jsonl'), rows.join('\n'));
    return { args: ['corpus', '--data', join(dir, 'rows.jsonl'), '--sample', '2'], asText: true };
  },
  async "a manifest's key or value"({ hostile }, place) {
    const manifest = manifestOf(place);
    const fields: [object, string][] = [
      [manifest, 'licence'],
      [manifest, 'sentence'],
      [manifest, 'publishedAt'],
      [manifest, 'run'],
      [manifest.base, 'id'],
      [manifest.base, 'licence'],
      [manifest.versions, hostile],
      [manifest.files[0]!, 'path'],
    ];
    const [where, key] = fields[place.random.integer(fields.length)]!;
    Object.assign(where, { [key]: hostile });
    await publish(place, JSON.stringify(manifest));
    return { args: fetching(place), silent: true };
  },
  async 'a manifest that is no JSON'({ hostile }, place) {
    await publish(place, `${hostile}${hostile}{"format": 1`);
    return { args: fetching(place), silent: true };
  },
  async 'names in a shared folder'({ name }, place) {
    await mkdir(join(place.dir, 'shared', name, '1'), { recursive: true });
    return { args: ['fetch', '--from', join(place.dir, 'shared')], silent: true };
  },
  async "a model file's metadata"({ hostile }, { dir, at, random }) {
    const keys = [
      'general.architecture',
      'general.name',
      'general.license',
      'tokenizer.ggml.model',
      'tokenizer.ggml.pre',
    ];
    const key = keys[random.integer(keys.length)]!;
    const file = join(dir, 'model.gguf');
    await rewritten(at('base.gguf'), file, key, hostile);
    await writeFile(join(dir, 'a.js'), 'const a = 1;\n');
    const uses = [
      ['complete', `${join(dir, 'a.js')}:1:5`, '--base', file],
      ['models', 'fetch', file],
      ['corpus', dir, '--base', file],
    ];
    return { args: uses[random.integer(uses.length)]!, silent: true, asText: true };
  },
  async "a model's answer"({ hostile, mark }, { dir }) {
    const server = await serverThatSays({ text: `${mark} = 1; // ${hostile}`, model: 'plain' });
    await writeFile(join(dir, 'a.js'), 'const a = 1;\nlet \n');
    const args = ['complete', `${join(dir, 'a.js')}:2:5`, '--endpoint', addressOf(server)];
    return { args, asText: true, silent: true, close: () => closed(server) };
  },
  async "a server's model and errors"({ hostile }, { dir, random }) {
    const fails = random.integer(2) === 0;
    const server = await serverThatSays(
      fails ? { text: '', model: 'plain', error: hostile } : { text: 'b', model: hostile },
    );
    await writeFile(join(dir, 'a.js'), 'const a = 1;\nlet \n');
    const args = random.integer(2)
      ? ['complete', `${join(dir, 'a.js')}:2:5`, '--endpoint', addressOf(server)]
      : ['serve', '--on', addressOf(server)];
    return { args, silent: fails, close: () => closed(server) };
  },
  async "a run's own words"({ hostile, name }, place) {
    const dir = await madeRun(place, hostile);
    const uses = [
      ['show', dir],
      ['runs'],
      ['compare', dir, dir],
      ['strength', dir],
      ['report', dir, '-o', join(place.dir, `${name}.html`)],
    ];
    return { args: uses[place.random.integer(uses.length)]!, silent: true };
  },
  async 'a run that failed or is damaged'({ hostile }, place) {
    const dir = await madeRun(place, hostile, { failed: true });
    const damaged = place.random.integer(2) === 0;
    if (damaged) await writeFile(join(dir, 'run.json'), `${hostile}{`);
    return { args: damaged ? ['runs'] : ['show', dir], silent: damaged };
  },
  async 'names of models on the disk'({ name }, { home }) {
    const dir = join(home, 'models', 'hub', `owner${name}`, 'repository');
    await mkdir(dir, { recursive: true });
    await writeFile(join(dir, `${name}.gguf`), 'GGUF');
    return { args: ['models'] };
  },
  async 'an argument'({ hostile }, { dir, at }) {
    const other = [...hostile].length % 8;
    const uses = [
      ['train', join(dir, hostile)],
      ['show', hostile],
      ['fetch', hostile, '--from', dir],
      ['import', join(dir, hostile), '--base', at('base.gguf')],
      ['complete', `${hostile}:1:1`, '--base', at('base.gguf')],
      ['serve', '--base', join(dir, `${hostile}.gguf`)],
      ['corpus', dir, `--${hostile}`],
      ['evaluate', hostile, '--verbose'],
    ];
    return { args: uses[other]! };
  },
  async 'an adapter to import'({ hostile }, { dir, at, random }) {
    const keys = ['general.architecture', 'general.type', 'adapter.type', 'general.name'];
    await rewritten(
      at('adapter.gguf'),
      join(dir, 'adapter.gguf'),
      keys[random.integer(keys.length)]!,
      hostile,
    );
    await mkdir(join(dir, 'peft'));
    const config = { peft_type: 'LORA', r: 2, lora_alpha: 4, target_modules: [hostile], [hostile]: 1 };
    await writeFile(join(dir, 'peft', 'adapter_config.json'), JSON.stringify(config));
    const path = join(dir, random.integer(2) ? 'peft' : 'adapter.gguf');
    return { args: ['import', path, '--base', at('base.gguf'), '--name', hostile], silent: true };
  },
  async "a child's words"({ hostile }, place) {
    const dir = await madeRun(place, hostile);
    await writeFile(join(dir, 'adapter.gguf'), hostile);
    const to = ['--to', 'gguf-adapter', '-o', join(place.dir, 'out.gguf'), '--verbose'];
    return {
      args: place.random.integer(2) ? ['export', dir, ...to] : ['evaluate', dir, '--check', '--verbose'],
      silent: true,
    };
  },
};

export const names: Campaign = {
  title: 'names in terminals',
  async open({ seed }) {
    const ground = await openGround();
    const random = new Random(seed);
    const all = Object.entries(kinds);
    const trials = Array.from({ length: COUNT }, (_, index): Trial => {
      const [name, meet] = all[index % all.length]!;
      const drawn = draw(random, index);
      const json = random.integer(4) === 0;
      const place = { at: ground.at, random: new Random(random.integer(1e9)) };
      return {
        name: `${name}${json ? ' as JSON' : ''}, ${JSON.stringify(drawn.hostile)}`,
        async run() {
          const dir = await mkdtemp(ground.at('trial-'));
          const home = join(dir, 'home');
          const { args, silent, asText, close } = await meet(drawn, { ...place, dir, home });
          try {
            const output = await within(printed([...args, ...(json ? ['--json'] : [])], home), MAX_MS);
            mustBePlain(output, { asText: asText === true });
            if (!silent && !json && !output.includes(drawn.mark))
              throw new Error(`the text was not shown, so nothing was tested: ${output.slice(0, 500)}`);
          } finally {
            await close?.();
            await rm(dir, { recursive: true, force: true });
          }
        },
      };
    });
    return { trials, close: ground.close };
  },
};

function mustBePlain(output: string, { asText }: { asText: boolean }): void {
  const lines = output.split('\n');
  const bad = lines.find((line) => raw.test(line) || (line.includes('\t') && !asText));
  if (bad !== undefined) throw new Error(`raw: ${JSON.stringify(bad.slice(0, 300))}`);
  const forged = !asText && lines.find((line) => line.startsWith(FORGED));
  if (forged) throw new Error(`a line of its own: ${JSON.stringify(forged)}`);
  if (output.includes('[internal]')) throw new Error(output.slice(0, 500));
}

/** All output of the command, on either stream. */
async function printed(args: string[], home: string): Promise<string> {
  const env = {
    ...process.env,
    FORGET_ME_NOT_HOME: home,
    TF_CPP_MIN_LOG_LEVEL: '3',
    HF_ENDPOINT: 'http://127.0.0.1:9',
  };
  const child = spawn(process.execPath, [resolve('dist/cli.mjs'), ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const parts: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part: Buffer) => parts.push(part));
  try {
    await within(once(child, 'close'), MAX_MS);
  } finally {
    child.kill('SIGKILL');
  }
  return Buffer.concat(parts).toString('utf8');
}

const manifestOf = ({ at }: Place) => ({
  format: 1,
  name: 'one',
  version: 1,
  publishedAt: '2026-11-29T00:00:00Z',
  run: 'a-run',
  step: 1,
  base: { id: at('base.gguf'), sha256: createHash('sha256').update('other').digest('hex') } as Record<
    string,
    string
  >,
  versions: {} as Record<string, string>,
  files: ['adapter.gguf', 'run.json'].map((path) => ({ path, bytes: 1, sha256: '0'.repeat(64) })),
});

async function publish({ dir }: Place, manifest: string): Promise<void> {
  const folder = join(dir, 'shared', 'one', '1');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'manifest.json'), manifest);
}

const fetching = ({ dir, at }: Place) => [
  'fetch',
  'one',
  '--from',
  join(dir, 'shared'),
  '--base',
  at('base.gguf'),
  '--yes',
];

/** A GGUF file's metadata with another text for a key. */
async function rewritten(from: string, to: string, key: string, value: string): Promise<void> {
  const file = await openGguf(from);
  try {
    const metadata = new Map(await file.copyMetadata()).set(key, { type: 'string', value });
    const tensors = [];
    for (const [name, { shape, type }] of file.tensors)
      tensors.push({ name, shape, type, data: await file.readBytes(name) });
    await writeGguf(to, { metadata, tensors });
  } finally {
    await file.close();
  }
}

/** Its words are hostile wherever the protocol has a text. */
async function madeRun({ home }: Place, hostile: string, { failed = false } = {}): Promise<string> {
  const run = makeRun({ checkpoints: 2 });
  const { spec, state, events, summary } = run;
  Object.assign(spec, { name: hostile, folder: `/home/${hostile}`, learningRateReason: hostile });
  spec.base.id = hostile;
  if (summary) summary.sentence = hostile;
  events.push({ time: spec.createdAt, type: 'warning', message: hostile } as (typeof events)[number]);
  for (const event of events) if (event.type === 'start') event.backendReason = hostile;
  if (failed)
    Object.assign(state, { status: 'failed', error: { code: 'diverged', message: hostile, next: hostile } });
  const dir = join(home, 'runs', spec.id);
  await writeRun(dir, run);
  return dir;
}

interface Says {
  text: string;
  model: string;
  error?: string;
}

async function serverThatSays({ text, model, error }: Says): Promise<Server> {
  const server = createServer((request, response) => {
    const json = (status: number, value: unknown) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    request.resume();
    if (error) return void json(400, { error: { message: error } });
    if (request.url?.endsWith('/models'))
      return void json(200, {
        object: 'list',
        data: [{ id: model, owned_by: 'vllm', root: model, parent: model }],
      });
    const choices = [{ text, index: 0, finish_reason: null }];
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end(`data: ${JSON.stringify({ choices })}\n\ndata: [DONE]\n\n`);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

const addressOf = (server: Server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;

function closed(server: Server): Promise<unknown> {
  server.closeAllConnections();
  return new Promise((done) => server.close(done));
}
