/** Damaged files: bases, adapters, runs, corpora, data sets, safetensors, each given to the code that reads it. */
import { execFileSync } from 'node:child_process';
import { cp, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { buildCorpus, openCorpus } from '../../src/corpus/index.ts';
import { readRows } from '../../src/corpus/datasets/rows.ts';
import { importAdapter } from '../../src/export/import-adapter.ts';
import { openTokenizer } from '../../src/llama-cpp/tokenizer.ts';
import { writeSafetensors } from '../../src/weights/safetensors.ts';
import { openGguf, writeGguf, type MetadataEntry } from '../../src/gguf/index.ts';
import { hyperSchema } from '../../src/protocol/run.ts';
import { cancelRun, createRun, openRunWriter, readRun, scanRuns } from '../../src/runs/index.ts';
import { Random } from '../support/random.ts';
import type { Campaign, Trial } from './campaign.ts';
import { serves } from './served.ts';
import { mustSucceedOrExplain, openGround, type Ground } from './support.ts';

export const files: Campaign = {
  title: 'damaged files',
  async open({ seed }) {
    const ground = await openGround();
    const random = new Random(seed);
    const trials = [
      ...(await hyperparameterTrials(ground)),
      ...(await headerTrials(ground, random, 42)),
      ...(await adapterTrials(ground, random, 20)),
      ...(await runTrials(ground, random, 24)),
      ...(await dataTrials(ground, random, 14)),
      ...(await corpusTrials(ground, random, 8)),
      ...(await peftTrials(ground, random, 8)),
    ];
    return { trials, close: ground.close };
  },
};

/** Metadata of a base that is impossible, or strange but valid. */
async function hyperparameterTrials({ at }: Ground): Promise<Trial[]> {
  const uint = (...values: number[]): MetadataEntry[] => values.map((value) => ({ type: 'uint32', value }));
  const real = (...values: number[]): MetadataEntry[] => values.map((value) => ({ type: 'float32', value }));
  const huge = 2 ** 32 - 1;
  const cases: [string, MetadataEntry[]][] = [
    ['llama.block_count', uint(0, 2, 512, huge)],
    ['llama.context_length', uint(0, 1, huge)],
    ['llama.embedding_length', uint(0, 63, huge)],
    ['llama.feed_forward_length', uint(0, 1, huge)],
    ['llama.attention.head_count', uint(0, 3, huge)],
    ['llama.attention.head_count_kv', uint(0, 3, huge)],
    ['llama.attention.key_length', uint(0, huge)],
    ['llama.attention.layer_norm_rms_epsilon', real(NaN, -1, Infinity, 0)],
    ['llama.rope.freq_base', real(0, NaN)],
    ['llama.rope.dimension_count', uint(0, 15, huge)],
    ['llama.expert_count', uint(8)],
    ['tokenizer.ggml.eos_token_id', uint(huge)],
    ['tokenizer.ggml.model', [{ type: 'string', value: 'bogus' }]],
    ['tokenizer.ggml.merges', [{ type: 'string[]', value: ['ab'] }]],
    ['tokenizer.ggml.tokens', [{ type: 'string[]', value: Array.from({ length: 349 }, () => 'same') }]],
  ];
  const base = await openGguf(at('base.gguf'));
  const read = new Map<string, Uint8Array>();
  for (const name of base.tensors.keys()) read.set(name, await base.readBytes(name));
  const whole = await base.copyMetadata();
  await base.close();
  return cases.flatMap(([key, entries]) =>
    entries.map((entry) => ({
      name: `base with ${key} = ${'value' in entry ? String(entry.value).slice(0, 20) : ''}`,
      async run() {
        const metadata = new Map(whole).set(key, entry);
        const tensors = [...base.tensors].map(([name, { shape, type }]) => ({
          name,
          shape,
          type,
          data: read.get(name)!,
        }));
        await writeGguf(at('hyperparameter.gguf'), { metadata, tensors });
        await serves(at('hyperparameter.gguf'));
      },
    })),
  );
}

/** Changes bytes of a base's header, or truncates the file. */
async function headerTrials({ at }: Ground, random: Random, count: number): Promise<Trial[]> {
  const whole = await readFile(at('base.gguf'));
  const end = whole.indexOf('output_norm.weight') + 60;
  return Array.from({ length: count }, (_, index) => {
    const content = damage(whole, random, end);
    return {
      name: `base with a damaged header, ${index}`,
      async run() {
        await writeFile(at('header.gguf'), content);
        await serves(at('header.gguf'));
      },
    };
  });
}

/** Some bytes of the first `end` changed, or truncated anywhere. */
function damage(whole: Buffer, random: Random, end = whole.length): Buffer {
  if (random.integer(4) === 0) return whole.subarray(0, random.integer(whole.length));
  const content = Buffer.from(whole);
  for (let changes = 1 + random.integer(4); changes > 0; changes--)
    content[random.integer(end)] = random.integer(256);
  return content;
}

/** By importing, which reads everything that serving does and more. */
async function adapterTrials({ at }: Ground, random: Random, count: number): Promise<Trial[]> {
  const whole = await readFile(at('adapter.gguf'));
  const base = { id: 'base', path: at('base.gguf'), sha256: '0'.repeat(64) };
  const imported = () => importAdapter({ path: at('bad.gguf'), base, versions: {} });
  return Array.from({ length: count }, (_, index) => {
    const kind = kinds[index];
    const content = damage(whole, random, whole.length / 2);
    return {
      name: `adapter ${kind ?? `with damaged bytes, ${index}`}`,
      async run() {
        await put(at('bad.gguf'), kind ?? content);
        await mustSucceedOrExplain(imported);
      },
    };
  });
}

const kinds = ['pipe', 'folder', 'loop', 'device'] as const;

/** Puts bytes, or something that is not a file, at a path. */
async function put(path: string, content: Buffer | (typeof kinds)[number]): Promise<void> {
  await rm(path, { recursive: true, force: true });
  if (typeof content !== 'string') await writeFile(path, content);
  else if (content === 'pipe') execFileSync('mkfifo', [path]);
  else if (content === 'folder') await mkdir(path);
  else await symlink(content === 'loop' ? path : '/dev/zero', path);
}

async function runTrials({ at }: Ground, random: Random, count: number): Promise<Trial[]> {
  const names = ['run.json', 'state.json', 'events.jsonl', 'exports.jsonl', 'lock'];
  return Array.from({ length: count }, (_, index) => {
    const name = names[index % names.length]!;
    const kind = kinds[Math.floor(index / names.length)];
    const content = Buffer.from(
      `{"status":"running","pid":1,"heartbeat":"2999-01-01","step":1e99,"format":1,"x":[${'['.repeat(random.integer(1000))}`,
    );
    return {
      name: `run with ${name} ${kind ?? 'damaged'}, ${index}`,
      async run() {
        const hyper = hyperSchema.parse({ learningRate: 1, steps: 3 });
        const base = { id: 'base', path: at('base.gguf'), sha256: '0' };
        const { dir } = await createRun({
          name: 'a',
          folder: at('.'),
          base,
          hyper,
          backend: 'wasm',
          evaluation: {},
          versions: {},
        });
        try {
          await put(`${dir}/${name}`, index % 2 ? content : (kind ?? content));
          await mustSucceedOrExplain(() => readRun(dir));
          await mustSucceedOrExplain(scanRuns);
          await mustSucceedOrExplain(() => cancelRun(dir));
          await mustSucceedOrExplain(async () => (await openRunWriter(dir)).close());
        } finally {
          await rm(dir, { recursive: true, force: true });
        }
      },
    };
  });
}

async function dataTrials({ at }: Ground, random: Random, count: number): Promise<Trial[]> {
  const rows = Buffer.from(Array.from({ length: 40 }, (_, i) => `{"text":"row ${i} é"}`).join('\n'));
  const parquet = await readFile('test/unit/corpus/datasets/pairs.parquet');
  return Array.from({ length: count }, (_, index) => {
    const path = at(index % 2 ? 'bad.parquet' : 'bad.jsonl');
    const kind = kinds[Math.floor(index / 2)];
    const content = damage(index % 2 ? parquet : rows, random);
    return {
      name: `data set ${kind ?? 'with damaged bytes'}, ${index}`,
      async run() {
        await put(path, kind ?? content);
        await mustSucceedOrExplain(async () => {
          for await (const row of readRows(path)) void row;
        });
      },
    };
  });
}

async function corpusTrials({ at }: Ground, random: Random, count: number): Promise<Trial[]> {
  await mkdir(at('code'));
  for (let i = 0; i < 4; i++)
    await writeFile(at(`code/${i}.js`), `export const name${i} = ${i};\n`.repeat(20));
  const tokenizer = await openTokenizer(at('base.gguf'));
  await buildCorpus({ folder: at('code'), out: at('corpus'), tokenizer, seed: 0, heldOutShare: 0.3 });
  await tokenizer.dispose();
  const names = ['summary.json', 'train.tokens', 'manifest.jsonl', 'held-out.tokens'];
  return Array.from({ length: count }, (_, index) => {
    const name = names[index % names.length]!;
    return {
      name: `corpus with a damaged ${name}, ${index}`,
      async run() {
        const dir = at('bad-corpus');
        await rm(dir, { recursive: true, force: true });
        await cp(at('corpus'), dir, { recursive: true });
        const content = await readFile(`${dir}/${name}`).catch(() => Buffer.alloc(0));
        await put(`${dir}/${name}`, index < names.length ? kinds[index]! : damage(content, random));
        await mustSucceedOrExplain(async () => (await openCorpus(dir)).sequences(32, 0));
      },
    };
  });
}

async function peftTrials({ at }: Ground, random: Random, count: number): Promise<Trial[]> {
  await mkdir(at('peft'));
  await writeFile(at('peft/adapter_config.json'), JSON.stringify({ peft_type: 'LORA', r: 2, lora_alpha: 4 }));
  const name = (half: string) => `base_model.model.model.layers.0.mlp.up_proj.lora_${half}.weight`;
  const tensors = new Map([
    [name('A'), { shape: [2, 64], data: new Float32Array(128).fill(0.1) }],
    [name('B'), { shape: [128, 2], data: new Float32Array(256).fill(0.1) }],
  ]);
  await writeSafetensors(at('peft/adapter_model.safetensors'), tensors);
  const whole = await readFile(at('peft/adapter_model.safetensors'));
  const base = { id: 'base', path: at('base.gguf'), sha256: '0'.repeat(64) };
  return Array.from({ length: count }, (_, index) => {
    const content = damage(whole, random, 300);
    return {
      name: `safetensors ${kinds[index] ?? 'with a damaged header'}, ${index}`,
      async run() {
        await put(at('peft/adapter_model.safetensors'), kinds[index] ?? content);
        await mustSucceedOrExplain(() => importAdapter({ path: at('peft'), base, versions: {} }));
      },
    };
  });
}
