/** How transformers, and so PEFT, names the linears of a block. */
import type { ModuleName } from '../protocol/run.ts';
import { blockModules, type ArchitectureName, type NamedInTransformers } from './architectures.ts';

/** Names of linears within a block, in most architectures. */
const common: Readonly<Record<ModuleName, string>> = {
  q: 'self_attn.q_proj',
  k: 'self_attn.k_proj',
  v: 'self_attn.v_proj',
  o: 'self_attn.o_proj',
  gate: 'mlp.gate_proj',
  up: 'mlp.up_proj',
  down: 'mlp.down_proj',
};

const others: Partial<Record<ArchitectureName, Partial<Record<ModuleName, string>>>> = {
  starcoder2: { up: 'mlp.c_fc', down: 'mlp.c_proj' },
};

/** A linear in transformers, which may stack several of ours. */
export interface LinearInTransformers {
  /** Within a block. */
  name: string;
  modules: readonly ModuleName[];
}

const sharedMlp: readonly LinearInTransformers[] = [
  ...(['q', 'k', 'v', 'o'] as const).map((module) => ({ name: common[module], modules: [module] })),
  { name: 'shared_mlp.input_linear', modules: ['gate', 'up'] },
  { name: 'shared_mlp.output_linear', modules: ['down'] },
];

/** The linears of a block, in our order. */
export const linearsInTransformers = ({
  architecture = 'llama',
  inTransformers,
}: {
  architecture?: ArchitectureName | undefined;
  inTransformers?: NamedInTransformers;
}): readonly LinearInTransformers[] =>
  inTransformers === 'shared-mlp'
    ? sharedMlp
    : blockModules({ architecture }).map((module) => ({
        name: others[architecture]?.[module] ?? common[module],
        modules: [module],
      }));

/** The linears of all models of an architecture, whose models may differ. */
export const allLinearsInTransformers = (
  architecture: ArchitectureName = 'llama',
): LinearInTransformers[] => [
  ...linearsInTransformers({ architecture }),
  ...(architecture === 'granite' ? sharedMlp : []),
];
