/** The ranks of base, change and noise, by module and by layer. */
import { moduleNames, type ModuleName } from '../../src/protocol/run.ts';
import {
  rankOf,
  rankRange,
  spectrumKinds,
  type LinearSpectrum,
  type RankRange,
  type RunSpectrum,
  type SpectrumKind,
} from '../../src/protocol/spectrum.ts';

export interface ModuleRanks {
  module: ModuleName;
  /** The smaller side of the matrix, which is its highest possible rank. */
  most: number;
  ranks: Partial<Record<SpectrumKind, RankRange>>;
}

interface LayerRanks {
  layer: number;
  /** By module; absent if nothing was measured. */
  linears: Partial<Record<ModuleName, Partial<Record<SpectrumKind, number>>>>;
}

export interface SpectrumView {
  method: RunSpectrum['method'];
  /** LoRA's r. */
  rank: number | undefined;
  source: RunSpectrum['source'];
  /** Whether it is stated by the adapter's publisher. */
  stated: boolean;
  modules: ModuleRanks[];
  layers: LayerRanks[];
}

/** Undefined if nothing was measured or nothing changed. */
export function spectrumView(spectrum: RunSpectrum | undefined): SpectrumView | undefined {
  if (!spectrum?.linears.some(({ change }) => change)) return undefined;
  const { method, rank, source, stated = false, linears } = spectrum;
  return {
    method,
    rank,
    source,
    stated,
    modules: moduleNames.flatMap((module) => {
      const these = linears.filter((linear) => linear.module === module);
      return these.length ? [moduleRanks(module, these)] : [];
    }),
    layers: [...new Set(linears.map(({ layer }) => layer))].map((layer) => ({
      layer,
      linears: Object.fromEntries(
        linears.filter((linear) => linear.layer === layer).map((linear) => [linear.module, ranksOf(linear)]),
      ),
    })),
  };
}

function moduleRanks(module: ModuleName, linears: readonly LinearSpectrum[]): ModuleRanks {
  const ranges = spectrumKinds.map((kind) => [kind, rankRange(linears, kind)] as const);
  return {
    module,
    most: Math.min(...linears[0]!.shape),
    ranks: Object.fromEntries(ranges.filter(([, range]) => range)),
  };
}

function ranksOf(linear: LinearSpectrum): Partial<Record<SpectrumKind, number>> {
  return Object.fromEntries(
    spectrumKinds.flatMap((kind) => (linear[kind] ? [[kind, rankOf(linear[kind])]] : [])),
  );
}
