/** Chooses the default base. Pure; also used by the extension host. */
import { formatBytes } from '../text/units.ts';
import { findKnownBase, type KnownBase } from './registry.ts';
import { msg, type Text } from '../text/message.ts';

/** Value of --base and of the setting that means "choose by the hardware". */
export const AUTO_BASE = 'auto';

export interface Hardware {
  /** Memory, in bytes, of the GPU used for training, or else of the machine. */
  memoryBytes: number;
  /** Whether there is a GPU that the backend can use. */
  gpu: boolean;
  /** Bytes that training needs: the minimum on a GPU; with all defaults on the processor. */
  needs(base: KnownBase): number;
  /** Training speed on this processor, measured or estimated. */
  tokensPerSecond(base: KnownBase): number;
  /** Ids to choose from if nothing can be downloaded. Default: all. */
  only?: readonly string[];
}

export interface ChosenBase {
  id: string;
  /** A clause for people: "it is the best code model that ...". */
  why: Text;
}

const SMALLEST = 'smollm2-135m';

/**
 * The code models, best first, with the training speed on a processor from which each is worthwhile. A run lasts only
 * minutes: ten minutes at 40 tokens/s are 47 steps, and 76 steps were measured to help. The larger model also takes
 * three times as long to evaluate and to complete with, so it has to train two to three times as fast to finish in the
 * same time.
 */
const codeModels = [
  { id: 'qwen2.5-coder-1.5b', tokensPerSecond: 100 },
  { id: 'qwen2.5-coder-0.5b', tokensPerSecond: 40 },
].map(({ id, tokensPerSecond }) => ({ base: findKnownBase(id)!, minSpeed: tokensPerSecond }));

/**
 * Fraction of the machine's memory that a run may plan for. The rest is for the editor, the browser, and what runs need
 * beyond their plan: one was measured at 14 GB with 9 planned.
 */
const RUN_SHARE = 0.55;

/** The best base that fits and trains at a useful speed; undefined if `only` excludes all. */
export function chooseBase(hardware: Hardware & { only?: undefined }): ChosenBase;
export function chooseBase(hardware: Hardware): ChosenBase | undefined;
export function chooseBase(hardware: Hardware): ChosenBase | undefined {
  const { only } = hardware;
  const allowed = (id: string) => !only || only.includes(id);
  const candidates = codeModels.filter(({ base }) => allowed(base.id));
  const obstacles = hardware.gpu ? gpuObstacles(hardware) : processorObstacles(hardware);
  const best = candidates.find((candidate) => obstacles(candidate) === undefined);
  if (best) return { id: best.base.id, why: explainChoice(best.base, hardware) };
  if (!allowed(SMALLEST)) return undefined;
  const last = candidates.at(-1);
  return { id: SMALLEST, why: last ? obstacles(last)! : msg`no code model is on this machine` };
}

type CodeModel = (typeof codeModels)[number];
/** Why a base does not suit this machine, as a clause; undefined if it does. */
type Obstacles = (model: CodeModel) => Text | undefined;

const gpuObstacles =
  ({ memoryBytes, needs }: Hardware): Obstacles =>
  ({ base }) =>
    memoryBytes < needs(base)
      ? msg`the GPU has ${formatBytes(memoryBytes)} of memory, too little for a code model`
      : undefined;

const processorObstacles =
  ({ memoryBytes, needs, tokensPerSecond }: Hardware): Obstacles =>
  ({ base, minSpeed }) => {
    const bytes = needs(base);
    if (bytes > RUN_SHARE * memoryBytes)
      return msg`a code model would take ${formatBytes(bytes)} of the ${formatBytes(memoryBytes)} of memory here, which leaves too little for everything else`;
    const speed = tokensPerSecond(base);
    if (speed < minSpeed)
      return msg`a code model would train at about ${Math.round(speed)} tokens/s here, and below ${minSpeed} a run of minutes learns too little`;
    return undefined;
  };

const explainChoice = (base: KnownBase, { gpu, memoryBytes, tokensPerSecond }: Hardware): Text =>
  gpu
    ? msg`it is the best that trains well on a GPU with ${formatBytes(memoryBytes)} of memory`
    : msg`it is the best code model that trains well on this processor, at about ${Math.round(tokensPerSecond(base))} tokens/s`;
