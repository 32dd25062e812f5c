/**
 * Hostile models: put in place of a model that a server offers, given to a new server as its base, and to the
 * tokenizer of `corpus`. None of our processes may crash, every rejection is a sentence, and the server's other models
 * keep answering.
 */
import { execFile } from 'node:child_process';
import { copyFile, mkdir, rename, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { writeGguf } from '../../src/gguf/index.ts';
import { Random } from '../support/random.ts';
import { writeTinyModel } from '../support/tiny-model.ts';
import type { Campaign, Trial } from './campaign.ts';
import { drawModel, llamaMetadataKeys, partsOf, type Hostile } from './hostile-model.ts';
import { mustBeSentence, openGround, type Ground } from './support.ts';
import { Served, serves } from './served.ts';

const COUNT = 100;
/** For the process that tries a model, which stops itself earlier. */
const MAX_MS = 60_000;

export const bases: Campaign = {
  title: 'hostile models',
  async open({ seed }) {
    const ground = await openGround();
    const { at } = ground;
    await writeTinyModel(at('right.gguf'), { layers: 1, seed: 2 });
    await copyFile(at('right.gguf'), at('offered.gguf'));
    await mkdir(at('code'));
    for (let i = 0; i < 4; i++)
      await writeFile(at(`code/${i}.js`), `export const name${i} = ${i};\n`.repeat(20));
    const [parts, keys] = [await partsOf(at('base.gguf')), await llamaMetadataKeys()];
    const served = new Served([
      ...['--base', at('base.gguf'), '--adapter', `one=${at('adapter.gguf')}`],
      ...['--model', `offered=${at('offered.gguf')}`],
    ]);
    const right = await served.answer('one');
    const random = new Random(seed);
    const trials = Array.from({ length: COUNT }, (_, index): Trial => {
      const hostile = drawModel(random, parts, keys, index);
      const [how, run] = entries[index % entries.length]!;
      return {
        name: `${how}: ${hostile.name}, ${index}`,
        run: () => run({ ground, served, hostile, right }),
      };
    });
    return {
      trials: [...trials, ...(await adapterTrials({ ground, served, right }, random))],
      async close() {
        await served.close();
        await ground.close();
      },
    };
  },
};

interface Place {
  ground: Ground;
  served: Served;
  hostile: Hostile;
  /** The canary's answer. */
  right: string;
}

const inPlace = async ({ ground: { at }, served, hostile, right }: Place) => {
  // If the last trial crashed the server, it now starts on valid files.
  await served.mustAnswerWith('one', right);
  await hostile.write(at('next.gguf'));
  await rename(at('next.gguf'), at('offered.gguf'));
  try {
    await served.mustAnswer('offered', MAX_MS);
    await served.mustAnswerWith('one', right);
  } finally {
    await copyFile(at('right.gguf'), at('offered.gguf'));
  }
};
const asBase = async ({ ground: { at }, hostile }: Place) => {
  await hostile.write(at('hostile.gguf'));
  await serves(at('hostile.gguf'), MAX_MS);
};
const toTokenizer = async ({ ground: { at }, hostile }: Place) => {
  await hostile.write(at('hostile.gguf'));
  const args = [resolve('dist/cli.mjs'), 'corpus', at('code'), '--base', at('hostile.gguf')];
  await new Promise<void>((done, fail) =>
    execFile(process.execPath, args, { timeout: MAX_MS }, (error, _, stderr) => {
      if (!error) return done();
      if (error.code !== 1) return fail(new Error(`it ended with ${error.signal ?? error.code}`));
      if (!/\[[a-z-]+\] ./.test(stderr) || stderr.includes('[internal]'))
        return fail(new Error(stderr.slice(-300)));
      done();
    }),
  );
};

/** Most are tried in a server with other models to serve. */
const entries: [string, (place: Place) => Promise<void>][] = [
  ['offered', inPlace],
  ['offered', inPlace],
  ['base', asBase],
  ['offered', inPlace],
  ['corpus', toTokenizer],
  ['offered', inPlace],
  ['offered', inPlace],
];

/** Adapters that fit the base, with metadata of other types, other tensors, or values that are not finite. */
async function adapterTrials(
  { ground: { at }, served, right }: Omit<Place, 'hostile'>,
  random: Random,
): Promise<Trial[]> {
  const parts = await partsOf(at('adapter.gguf'));
  const names = [
    'general.type',
    'general.architecture',
    'adapter.type',
    'adapter.lora.alpha',
    'adapter.alora.invocation_tokens',
    'adapter.lora.prompt_prefix',
  ];
  return Array.from({ length: 24 }, (_, index): Trial => {
    const key = names[index % names.length]!;
    const { metadata, tensors } = { metadata: new Map(parts.metadata), tensors: [...parts.tensors] };
    let name: string;
    if (index % 4 === 3) {
      const value = [NaN, 3e38, Infinity, 0][random.integer(4)]!;
      const which = random.integer(tensors.length);
      const tensor = tensors[which]!;
      tensors[which] = { ...tensor, data: new Float32Array(tensor.shape[0]! * tensor.shape[1]!).fill(value) };
      name = `${tensor.name} of ${value}`;
    } else {
      const entry = (
        [
          { type: 'uint32', value: 8 },
          { type: 'string', value: 'lora' },
          { type: 'float32', value: 8 },
          { type: 'float32[]', value: [8] },
          { type: 'uint32[]', value: [1, 2 ** 31] },
          { type: 'bool', value: true },
          { type: 'float64', value: 8 },
        ] as const
      )[random.integer(7)]!;
      metadata.set(key, entry);
      name = `${key} as ${entry.type}`;
    }
    return {
      name: `adapter: ${name}, ${index}`,
      async run() {
        await writeGguf(at('bad.gguf'), { metadata, tensors });
        const response = await served.ask('/v1/load_lora_adapter', {
          lora_name: 'bad',
          lora_path: at('bad.gguf'),
          load_inplace: true,
        });
        if (response.status !== 200) mustBeSentence(response.text);
        else await served.mustAnswer('bad', MAX_MS);
        await served.mustAnswerWith('one', right);
      },
    };
  });
}
