/** Which base to start from by default. Pure; also used by the extension host. */
import { formatBytes } from '../text/units.ts';
import { findKnownBase, type KnownBase } from './registry.ts';
import { msg, type Text } from '../text/message.ts';

/** The value of --base and of the setting for: choose by the hardware. */
export const AUTO_BASE = 'auto';

export interface Hardware {
  /** Memory of the GPU that trains, else of the machine. Bytes. */
  memoryBytes: number;
  /** A GPU that the backend can use. */
  gpu: boolean;
  /** Bytes that training needs: on a GPU at least, on the processor with all defaults. */
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
 * The code models, best first, with the training speed on a processor from which each is worthwhile. A run has only
 * minutes: ten at 40 tokens/s are 47 steps, and 76 were seen to help. The larger model also takes three times as long
 * to measure and to complete with, so it has to learn two to three times as fast to finish in the same time.
 */
const codeModels = [
  { id: 'qwen2.5-coder-1.5b', tokensPerSecond: 100 },
  { id: 'qwen2.5-coder-0.5b', tokensPerSecond: 40 },
].map(({ id, ...least }) => ({ base: findKnownBase(id)!, least }));

/**
 * Share of the machine's memory that a run may plan for. The rest is for the editor, the browser, and what runs need
 * beyond their plan: one was measured at 17 GB with 12 planned, which is 14 with 9 since its weights stay quantised.
 */
const RUN_SHARE = 0.55;

/** The best base that fits and trains at a useful speed; undefined if `only` leaves none. */
export function chooseBase(hardware: Hardware & { only?: undefined }): ChosenBase;
export function chooseBase(hardware: Hardware): ChosenBase | undefined;
export function chooseBase(hardware: Hardware): ChosenBase | undefined {
  const { only } = hardware;
  const allowed = (id: string) => !only || only.includes(id);
  const candidates = codeModels.filter(({ base }) => allowed(base.id));
  const obstacles = hardware.gpu ? onGpu(hardware) : onProcessor(hardware);
  const best = candidates.find((one) => obstacles(one) === undefined);
  if (best) return { id: best.base.id, why: praise(best.base, hardware) };
  if (!allowed(SMALLEST)) return undefined;
  const last = candidates.at(-1);
  return { id: SMALLEST, why: last ? obstacles(last)! : msg`no code model is on this machine` };
}

type CodeModel = (typeof codeModels)[number];
/** Why a base does not suit this machine, as a clause; undefined if it does. */
type Obstacles = (model: CodeModel) => Text | undefined;

const onGpu =
  ({ memoryBytes, needs }: Hardware): Obstacles =>
  ({ base }) =>
    memoryBytes < needs(base)
      ? msg`the GPU has ${formatBytes(memoryBytes)} of memory, too little for a code model`
      : undefined;

const onProcessor =
  ({ memoryBytes, needs, tokensPerSecond }: Hardware): Obstacles =>
  ({ base, least }) => {
    const bytes = needs(base);
    if (bytes > RUN_SHARE * memoryBytes)
      return msg`a code model would take ${formatBytes(bytes)} of the ${formatBytes(memoryBytes)} of memory here, which leaves too little for everything else`;
    const speed = tokensPerSecond(base);
    if (speed < least.tokensPerSecond)
      return msg`a code model would train at about ${Math.round(speed)} tokens/s here, and below ${least.tokensPerSecond} a run of minutes learns too little`;
    return undefined;
  };

const praise = (base: KnownBase, { gpu, memoryBytes, tokensPerSecond }: Hardware): Text =>
  gpu
    ? msg`it is the best that trains well on a GPU with ${formatBytes(memoryBytes)} of memory`
    : msg`it is the best code model that trains well on this processor, at about ${Math.round(tokensPerSecond(base))} tokens/s`;
