import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { architectures, type ArchitectureName } from '../../../src/base-models/architectures.ts';
import { linearNames } from '../../../src/model/index.ts';
import { PEFT_PREFIX } from '../../../src/weights/peft.ts';
import { ggufName, transformersName } from '../../../src/weights/transformers.ts';

const { models } = JSON.parse(readFileSync('test/reference/golden.json', 'utf8')) as {
  models: Record<
    ArchitectureName,
    {
      config: { num_hidden_layers: number };
      cases: { lora: { before: { shapes: Record<string, number[]> } } };
    }
  >;
};

it.each(Object.keys(architectures) as ArchitectureName[])(
  'linear layers of %s have the names that PEFT gives them',
  (architecture) => {
    const { config, cases } = models[architecture];
    const ours = linearNames({ layers: config.num_hidden_layers, architecture });
    const theirs = Object.keys(cases.lora.before.shapes)
      .filter((name) => name.endsWith('.lora_A.default.weight'))
      .map((name) => name.slice(PEFT_PREFIX.length, -'.lora_A.default.weight'.length));
    expect(ours.map((name) => transformersName(name, { architecture })).sort()).toEqual(theirs.sort());
    for (const name of ours)
      expect(ggufName(transformersName(name, { architecture }), { architecture })).toBe(name);
  },
);
