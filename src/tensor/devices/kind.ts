/** What kind of GPU an adapter is. WebGPU does not say, so this goes by its name. */
import type { Adapter } from '../../protocol/doctor.ts';

const software = /llvmpipe|lavapipe|swiftshader|software|basic render|warp/i;
/** Integrated GPUs, as their drivers name them. */
const integrated = [
  /\b(u?hd|iris|iris xe|xe) graphics\b|\biris\b/i,
  // "Intel(R) Graphics", "Intel(R) Graphics (RPL-P)"; DG and BMG are discrete.
  /^intel\(r\) graphics\b(?! \((dg\d|bmg))/i,
  // "Intel(R) Arc(TM) Graphics", "Intel(R) Arc(TM) 140V GPU": discrete ones have an A or B in front of the number.
  /\barc(\(tm\))? (pro )?(graphics|\d+[vt])\b/i,
  // "AMD Radeon 780M Graphics", "AMD Radeon(TM) Graphics", "AMD Radeon Vega 8 Graphics".
  /\bradeon(\(tm\))? (\d{3}m|8\d{3}s|graphics|vega \d+ graphics)/i,
  // "AMD Custom GPU 0405": the Steam Deck.
  /\bcustom gpu\b/i,
  /\bapple\b|\badreno\b|\bmali\b|\btegra\b/i,
];
const discrete = [
  /\bgeforce\b|\bquadro\b|\btesla\b|^nvidia (?!tegra)/i,
  /\bradeon(\(tm\))? (rx|pro|vii|ai)\b|\binstinct\b/i,
  /\barc(\(tm\))? (pro )?[ab]\d{2,3}/i,
];

/**
 * The kind of the adapter with this name; `unknown` if no pattern matches.
 * @param fallback whether WebGPU itself calls it a software (fallback) adapter
 */
export function kindOf(name: string, fallback = false): Adapter['kind'] {
  if (fallback || software.test(name)) return 'software';
  // A discrete GPU's name may contain a word of the integrated ones: "Radeon RX Vega".
  if (discrete.some((pattern) => pattern.test(name))) return 'discrete';
  return integrated.some((pattern) => pattern.test(name)) ? 'integrated' : 'unknown';
}
