/** Random models that are damaged, impossible or strange, made from a tiny valid one. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import {
  openGguf,
  writeGguf,
  type MetadataEntry,
  type TensorSource,
  type TensorType,
  type TypedMetadata,
} from '../../src/gguf/index.ts';
import type { Random } from '../support/random.ts';

interface Parts {
  metadata: TypedMetadata;
  tensors: TensorSource[];
}

export interface Hostile {
  name: string;
  write(path: string): Promise<void>;
}

/** Metadata keys that this build of llama.cpp knows, from its own library; `%s` stands for the architecture. */
export async function llamaMetadataKeys(): Promise<string[]> {
  const folder = resolve('node_modules/@node-llama-cpp/linux-x64/bins/linux-x64');
  const library = (await readdir(folder)).find((name) => /^libllama\.v?\d.*so|^libllama\.so/.test(name))!;
  const text = await readFile(join(folder, library), 'latin1');
  const found = text.match(
    /(?<=\0)(?:%s\.[a-z][a-z_.]+|tokenizer\.[a-z_.]+|general\.[a-z_.]+|split\.[a-z.]+)(?=\0)/g,
  );
  return [...new Set(found)].sort();
}

/** A model in modifiable parts; its tensors are in memory. */
export async function partsOf(path: string): Promise<Parts> {
  const gguf = await openGguf(path);
  const tensors: TensorSource[] = [];
  for (const [name, { shape, type }] of gguf.tensors)
    tensors.push({ name, shape, type, data: await gguf.readBytes(name) });
  const metadata = await gguf.copyMetadata();
  await gguf.close();
  return { metadata, tensors };
}

/** One way after the other, so that each occurs often; every fifth trial combines two. */
export function drawModel(random: Random, parts: Parts, keys: readonly string[], index: number): Hostile {
  const drawn = { metadata: new Map(parts.metadata), tensors: [...parts.tensors] };
  const draw = new Draw(random, keys, drawn);
  const descriptions = [draw.change(index)];
  if (index % 5 === 4) descriptions.push(draw.change(random.integer(ways)));
  return {
    name: descriptions.join(' and '),
    async write(path) {
      await writeGguf(path, drawn);
      if (draw.harm) await writeFile(path, draw.harm(await readFile(path)));
    },
  };
}

const ARCHITECTURE = 'llama';
const architectures = [
  ...[
    'qwen2',
    'qwen3',
    'granite',
    'gemma',
    'gemma2',
    'gemma3',
    'phi2',
    'phi3',
    'starcoder2',
    'gpt2',
    'bloom',
  ],
  ...[
    'mpt',
    'bert',
    't5',
    'rwkv6',
    'rwkv7',
    'mamba',
    'jamba',
    'falcon',
    'deepseek2',
    'command-r',
    'olmo2',
    'clip',
  ],
  ...['qwen3moe', 'wavtokenizer-dec', 'no-such', '', '%s%n', 'x'.repeat(300)],
];
const tokenizers = ['llama', 'gpt2', 'bert', 't5', 'rwkv', 'plamo2', 'none', 'no_vocab', 'bogus', ''];
const pres = ['default', 'llama-bpe', 'qwen2', 'deepseek-coder', 'tekken', 'gpt-4o', 'superbpe', 'bogus', ''];
const specials = [
  'bos',
  'eos',
  'eot',
  'eom',
  'unknown',
  'seperator',
  'padding',
  'mask',
  'cls',
  'fim_pre',
  'fim_mid',
];
const types: TensorType[] = ['F16', 'BF16', 'Q8_0', 'Q4_0', 'Q5_1', 'Q4_1'];
const numbers = [0, 1, 2, 3, 7, 31, 64, 255, 4096, 65_536, 1e9, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1];
const ways = 8;

class Draw {
  /** A change of the bytes once they are written. */
  harm: ((bytes: Buffer) => Buffer) | undefined;

  constructor(
    private readonly random: Random,
    private readonly keys: readonly string[],
    private readonly parts: Parts,
  ) {}

  private pick<T>(list: readonly T[]): T {
    return list[this.random.integer(list.length)]!;
  }

  private set(key: string, entry: MetadataEntry): string {
    this.parts.metadata.set(key, entry);
    if ('raw' in entry) return key;
    const values = Array.isArray(entry.value)
      ? `${entry.value.length} of it`
      : String(entry.value).slice(0, 20);
    return `${key} = ${entry.type} ${values}`;
  }

  /** Returns a description of the change. */
  change(way: number): string {
    const hyperparameters = this.keys.filter((key) => key.startsWith('%s.'));
    const others = this.keys.filter((key) => !key.startsWith('%s.'));
    switch (way % ways) {
      case 0:
        return this.set(this.pick(hyperparameters).replace('%s', ARCHITECTURE), this.entry());
      case 1:
        return this.set(this.pick(others), this.entry());
      case 2:
        return `${this.set('tokenizer.ggml.model', text(this.pick(tokenizers)))}, ${this.set('tokenizer.ggml.pre', text(this.pick(pres)))}`;
      case 3:
        return this.vocabulary();
      case 4:
        return this.set(`tokenizer.ggml.${this.pick(specials)}_token_id`, {
          type: this.pick(['uint32', 'int32', 'uint64']),
          value: this.pick([0, 1, 348, 349, 350, 70_000, 2 ** 31 - 1]),
        });
      case 5:
        return this.tensor();
      case 6:
        return this.architecture();
      default:
        return this.bytes();
    }
  }

  private entry(): MetadataEntry {
    const { random } = this;
    const list = <T>(of: () => T) => Array.from({ length: this.pick([0, 1, 2, 3, 349, 1000]) }, of);
    const real = () => this.pick([0, -0, 1, -1, 1e-30, 1e30, NaN, Infinity, -Infinity, 0.5]);
    return this.pick<() => MetadataEntry>([
      () => ({ type: 'uint32', value: this.pick(numbers) }),
      () => ({ type: 'uint32', value: random.integer(2 ** 32) }),
      () => ({ type: 'int32', value: this.pick([-1, -2, -(2 ** 31), 5]) }),
      () => ({ type: 'uint64', value: this.pick([2n ** 63n, 2n ** 64n - 1n, 3n]) }),
      () => ({ type: 'float32', value: real() }),
      () => ({ type: 'bool', value: random.integer(2) === 1 }),
      () => text(this.pick(['', 'llama', 'linear', 'yarn', 'x'.repeat(70_000), '\u0000', 'gpt2'])),
      () => ({ type: 'uint32[]', value: list(() => this.pick(numbers)) }),
      () => ({ type: 'int32[]', value: list(() => random.integer(9) - 4) }),
      () => ({ type: 'float32[]', value: list(real) }),
      () => ({ type: 'bool[]', value: list(() => true) }),
      () => ({ type: 'string[]', value: list(() => this.pick(['', 'a', 'a b', ' ', 'x'.repeat(1000)])) }),
      () => ({ type: 'uint8[]', value: list(() => random.integer(256)) }),
    ])();
  }

  /** Its lists: too short or long, of other types, with other words. */
  private vocabulary(): string {
    const { random } = this;
    const count = 349 + this.pick([0, 0, 0, -1, 1, -349]);
    const words = Array.from({ length: count }, (_, index) => {
      if (index < 256 && random.integer(2)) return `<0x${index.toString(16).toUpperCase().padStart(2, '0')}>`;
      return `${this.pick(['a', '\u2581', 'é', '<|x|>', '', '\n'])}${index}`;
    });
    const merge = () =>
      this.pick(['a b', 'é ', ' x', 'a  b', 'x'.repeat(500) + ' y', '\u0120 t', 'b', '1 2 3']);
    return this.pick<() => string>([
      () => this.set('tokenizer.ggml.tokens', { type: 'string[]', value: words }),
      () => this.set('tokenizer.ggml.merges', { type: 'string[]', value: Array.from({ length: 40 }, merge) }),
      () =>
        this.set('tokenizer.ggml.scores', {
          type: this.pick(['float32[]', 'uint8[]', 'float64[]']),
          value: Array.from({ length: count }, () => this.pick([0, 1, 200])),
        }),
      () =>
        this.set('tokenizer.ggml.token_type', {
          type: this.pick(['int32[]', 'uint32[]', 'uint8[]', 'float32[]']),
          value: Array.from({ length: count }, () => random.integer(9)),
        }),
      () => {
        const model = this.set('tokenizer.ggml.model', text(this.pick(['t5', 'llama', 'bert', 'plamo2'])));
        const value = Array.from({ length: 400 }, () => random.integer(256));
        return `${model}, ${this.set('tokenizer.ggml.precompiled_charsmap', { type: 'uint8[]', value })}`;
      },
    ])();
  }

  /** One tensor's shape, type or values, or whether it exists. */
  private tensor(): string {
    const { tensors } = this.parts;
    const at = this.random.integer(tensors.length);
    const tensor = tensors[at]!;
    const elements = tensor.shape.reduce((all, size) => all * size, 1);
    const put = (changed: TensorSource) => void (tensors[at] = changed);
    return this.pick<() => string>([
      () => {
        tensors.splice(at, 1);
        return `no ${tensor.name}`;
      },
      () => {
        put({
          ...tensor,
          name: this.pick(['blk.99.attn_q.weight', 'x', 'x'.repeat(80), 'token_embd.weight.lora_a']),
        });
        return `${tensor.name} under another name`;
      },
      () => {
        const shape = this.pick([
          [elements],
          [...tensor.shape].reverse(),
          [1, 1, ...tensor.shape],
          [elements, 1],
        ]);
        put({ ...tensor, shape });
        return `${tensor.name} of ${shape.join(' x ')}`;
      },
      () => {
        const type = this.pick(types);
        put(withBytes({ ...tensor, type }, () => this.random.integer(256)));
        return `${tensor.name} as ${type}`;
      },
      () => {
        const value = this.pick([NaN, Infinity, 3e38, -3e38, 0]);
        put({ ...tensor, data: new Float32Array(elements).fill(value) });
        return `${tensor.name} of ${value}`;
      },
      () => {
        const shape = this.pick([[64], [64, 64], [32], [349, 64], [1]]);
        const name = this.pick([
          'output.weight',
          'rope_freqs.weight',
          'token_embd_norm.weight',
          'blk.0.attn_q.bias',
          'blk.0.ffn_gate_inp.weight',
          'blk.0.attn_sinks.weight',
        ]);
        tensors.push(
          withBytes({ name, shape, type: 'F32', data: new Uint8Array() }, () => this.random.integer(256)),
        );
        return `${name} too, of ${shape.join(' x ')}`;
      },
    ])();
  }

  /** Another architecture's name, with or without its values. */
  private architecture(): string {
    const other = this.pick(architectures);
    const { metadata } = this.parts;
    if (this.random.integer(4))
      for (const [key, entry] of [...metadata])
        if (key.startsWith(`${ARCHITECTURE}.`))
          metadata.set(`${other}${key.slice(ARCHITECTURE.length)}`, entry);
    return this.set('general.architecture', text(other));
  }

  /** Bytes of the header, including its counts, or the end. */
  private bytes(): string {
    const way = this.random.integer(4);
    const [where, byte] = [this.random.next(), this.random.integer(256)];
    const count = this.pick([2n ** 63n, 2n ** 40n, 2n ** 32n, 1_000_000n, 0n]);
    if (way === 0) {
      this.harm = (bytes) => bytes.subarray(0, Math.floor(where * bytes.length));
      return `cut at ${where.toFixed(3)}`;
    }
    const changed = (change: (bytes: Buffer, end: number) => void) => {
      this.harm = (bytes) => {
        change(bytes, bytes.indexOf('output_norm.weight') + 60);
        return bytes;
      };
    };
    if (way === 1) {
      const at = this.pick([8, 16]);
      changed((bytes) => void bytes.writeBigUInt64LE(count, at));
      return `${at === 8 ? 'tensors' : 'keys'}: ${count}`;
    }
    if (way === 2) {
      // Anywhere a length may be.
      changed((bytes, end) => void bytes.writeBigUInt64LE(count, 24 + Math.floor(where * (end - 40))));
      return `${count} at ${where.toFixed(4)} of the header`;
    }
    changed((bytes, end) => void (bytes[24 + Math.floor(where * (end - 40))] = byte));
    return `byte ${byte} at ${where.toFixed(4)} of the header`;
  }
}

const text = (value: string): MetadataEntry => ({ type: 'string', value });

const layout: Partial<Record<TensorType, [block: number, bytes: number]>> = {
  ...{ F32: [1, 4], F16: [1, 2], BF16: [1, 2] },
  ...{ Q8_0: [32, 34], Q4_0: [32, 18], Q4_1: [32, 20], Q5_1: [32, 24] },
};
function withBytes(tensor: TensorSource, byte: () => number): TensorSource {
  const [block, bytes] = layout[tensor.type]!;
  const elements = tensor.shape.reduce((all, size) => all * size, 1);
  return { ...tensor, data: Uint8Array.from({ length: Math.ceil(elements / block) * bytes }, byte) };
}
