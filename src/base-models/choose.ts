/** Which base to start from where nobody says. Pure; the extension host reads it. */
import { formatBytes } from '../protocol/units.ts';
import { findKnownBase, knownBases, type KnownBase } from './registry.ts';

/** The value of --base and of the setting that means: choose by the hardware. */
export const AUTO_BASE = 'auto';

export interface Hardware {
  /** Of what trains: the GPU's, or the machine's. Bytes. */
  memoryBytes: number;
  /** A GPU that the backend can use. */
  gpu: boolean;
  /** Whether the hub can be reached. Default: yes. */
  hasHub?: boolean;
  /** Ids of the known bases that are here. */
  present?: readonly string[];
  /** Bytes that LoRA takes on this hardware at the least. */
  needs(base: KnownBase): number;
}

export interface ChosenBase {
  id: string;
  /** A clause for the person: "it trains on the processor, where ...". */
  why: string;
}

const SMALLEST = 'smollm2-135m';
/** Best first. */
const forGpu = ['qwen2.5-coder-1.5b', 'qwen2.5-coder-0.5b'];

/**
 * The best base that fits and trains at a usable speed. Without the hub, one that is here, or else the smallest,
 * which comes from PyPI.
 */
export function chooseBase({ memoryBytes, gpu, hasHub = true, present = [], needs }: Hardware): ChosenBase {
  if (!gpu)
    return { id: SMALLEST, why: 'it trains on the processor in minutes, where a larger one takes hours' };
  const memory = formatBytes(memoryBytes);
  const fitting = knownBases
    .filter((base) => forGpu.includes(base.id) && memoryBytes >= needs(base))
    .toSorted((a, b) => forGpu.indexOf(a.id) - forGpu.indexOf(b.id));
  const [best] = fitting;
  if (!best) return { id: SMALLEST, why: `the GPU has ${memory} of memory, too little for a larger one` };
  if (hasHub || present.includes(best.id))
    return { id: best.id, why: `it is the best that trains well on a GPU with ${memory} of memory` };
  const without = `the hub can't be reached for ${best.id}`;
  const here = fitting.find(({ id }) => present.includes(id));
  return here ? { id: here.id, why: `it is here, and ${without}` } : { id: SMALLEST, why: without };
}

/** Whether the choice hangs on the hub: what `present` lacks would come from there. */
export function needsHub({ id }: ChosenBase, present: readonly string[]): boolean {
  const base: KnownBase | undefined = findKnownBase(id);
  return !present.includes(id) && (base?.sources.every(({ kind }) => kind === 'hub') ?? false);
}
