/** LoRA's target modules and scale. */
import { moduleShape, blockModules, moduleTensors, type BlockSizes } from '../base-models/architectures.ts';
import type { BaseShape } from '../base-models/registry.ts';
import { allLinearsInTransformers } from '../base-models/transformers-names.ts';
import { UserError } from '../text/errors.ts';
import { moduleNames, type ModuleName } from '../protocol/run.ts';

const attention: readonly ModuleName[] = ['q', 'k', 'v', 'o'];
const groups: Record<string, readonly ModuleName[]> = {
  all: moduleNames,
  'all-linear': moduleNames,
  attention,
  mlp: moduleNames.filter((module) => !attention.includes(module)),
};

/** What determines the names of a base's linears. */
export type Named = Pick<BaseShape, 'layers' | 'architecture'>;

/** GGUF's names of all linears, without ".weight". */
export function linearNames(config: Named): string[] {
  return Array.from({ length: config.layers }, (_, block) =>
    blockModules(config).map((module) => `blk.${block}.${moduleTensors[module]}`),
  ).flat();
}

/**
 * The linears that `targets` select: modules ("q"), PEFT's names ("q_proj", for StarCoder2 "c_fc"), GGUF's names
 * ("attn_q"), groups ("all", "attention", "mlp"), or patterns over full names ("blk.0.attn_q", "blk.*.ffn_*"). Modules
 * that only other architectures have are ignored, since the default lists all modules. Throws UserError `bad-argument`
 * if any other entry matches nothing, or if nothing is left.
 */
export function chooseTargets(config: Named, targets: readonly string[]): ReadonlySet<string> {
  const names = linearNames(config);
  const modules = blockModules(config);
  const chosen = new Set<string>();
  const missing: string[] = [];
  for (const target of targets) {
    const found = names.filter(matcher(target, config));
    if (!found.length) missing.push(target);
    for (const name of found) chosen.add(name);
  }
  const elsewhere: readonly string[] = moduleNames.filter((module) => !modules.includes(module));
  const unmatched = missing.find((target) => !chosen.size || !elsewhere.includes(target));
  if (unmatched !== undefined)
    throw new UserError(
      'bad-argument',
      `There is no linear "${unmatched}" in this base.`,
      `Use all, mlp, attention, or a list of ${modules.join(', ')} ` +
        `(GGUF: ${modules.map((module) => moduleTensors[module]).join(', ')}) and patterns such as "blk.0.attn_q" or "blk.*.ffn_*"; ` +
        `the blocks are 0 to ${config.layers - 1}.`,
    );
  return chosen;
}

function matcher(target: string, { architecture }: Named): (name: string) => boolean {
  const whole = target.trim().replace(/\.weight$/, '');
  const bare = whole.replace(/_proj$/, '');
  const theirs = allLinearsInTransformers(architecture).find(({ name }) => name.split('.').at(-1) === whole);
  const modules =
    theirs?.modules ??
    (Object.hasOwn(groups, bare) ? groups[bare]! : moduleNames.filter((module) => module === bare));
  const tensors = new Set(modules.map((module) => moduleTensors[module]));
  if (!tensors.size && Object.values(moduleTensors).includes(bare)) tensors.add(bare);
  if (tensors.size) return (name) => tensors.has(name.slice(name.lastIndexOf('.') + 1));
  const parts = bare.split('*').map((part) => part.replace(/[\\^$.+?()[\]{}|]/g, '\\$&'));
  const pattern = new RegExp(`^${parts.join('.*')}$`);
  return (name) => pattern.test(name);
}

const moduleOfTensor = new Map(moduleNames.map((module) => [moduleTensors[module], module]));

/** [out, in] of a linear. */
export const linearShape = (config: BlockSizes, name: string): [rows: number, columns: number] =>
  moduleShape(moduleOfTensor.get(name.slice(name.lastIndexOf('.') + 1))!, config);

/** Number of weights in all linears. */
export const linearWeights = (config: BaseShape): number =>
  linearNames(config).reduce((sum, name) => {
    const [rows, columns] = linearShape(config, name);
    return sum + rows * columns;
  }, 0);

/**
 * Throws UserError `bad-argument` if `rank` exceeds a target's smaller side, beyond which the rank of B A can't grow.
 */
export function checkRank(config: BaseShape, targets: Iterable<string>, rank: number): void {
  for (const name of targets) {
    const [rows, columns] = linearShape(config, name);
    const most = Math.min(rows, columns);
    if (rank > most)
      throw new UserError(
        'bad-argument',
        `The rank ${rank} is above the smaller side of "${name}", which is ${rows} x ${columns}.`,
        `Use --rank ${most} or less, or other --targets.`,
      );
  }
}

/** The factor of B A: alpha / rank, or alpha / sqrt(rank), with which high ranks learn better (rsLoRA). */
export function loraScale({ alpha, rank, scaling }: LoraScaling): number {
  return scaling === 'rank-stabilised' ? alpha / Math.sqrt(rank) : alpha / rank;
}

/** The alpha to write into an adapter file, whose readers always scale by alpha / rank. */
export function adapterAlpha({ alpha, rank, scaling }: LoraScaling): number {
  return scaling === 'rank-stabilised' ? alpha * Math.sqrt(rank) : alpha;
}

interface LoraScaling {
  rank: number;
  alpha: number;
  /** alpha / rank, or alpha / sqrt(rank). */
  scaling?: 'standard' | 'rank-stabilised';
}
