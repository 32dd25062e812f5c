/** What kind of a GPU an adapter is. WebGPU does not say, so its name has to. */
import type { Adapter } from '../../protocol/doctor.ts';

const software = /llvmpipe|lavapipe|swiftshader|software|basic render|warp/i;
/** GPUs inside of a processor, as their drivers call them. */
const integrated = [
  /\b(u?hd|iris|iris xe|xe) graphics\b|\biris\b/i,
  // "Intel(R) Graphics", "Intel(R) Graphics (RPL-P)"; DG and BMG are cards.
  /^intel\(r\) graphics\b(?! \((dg\d|bmg))/i,
  // "Intel(R) Arc(TM) Graphics", "Intel(R) Arc(TM) 140V GPU": without the A or B of a card.
  /\barc(\(tm\))? (pro )?(graphics|\d+[vt])\b/i,
  // "AMD Radeon 780M Graphics", "AMD Radeon(TM) Graphics", "AMD Radeon Vega 8 Graphics".
  /\bradeon(\(tm\))? (\d{3}m|8\d{3}s|graphics|vega \d+ graphics)/i,
  // "AMD Custom GPU 0405", of the Steam Deck.
  /\bcustom gpu\b/i,
  /\bapple\b|\badreno\b|\bmali\b|\btegra\b/i,
];
const discrete = [
  /\bgeforce\b|\bquadro\b|\btesla\b|^nvidia (?!tegra)/i,
  /\bradeon(\(tm\))? (rx|pro|vii|ai)\b|\binstinct\b/i,
  /\barc(\(tm\))? (pro )?[ab]\d{2,3}/i,
];

/**
 * Of an adapter with this name. `unknown` where the name is none of those that are known.
 * @param fallback WebGPU's own word that it is a software adapter
 */
export function kindOf(name: string, fallback = false): Adapter['kind'] {
  if (fallback || software.test(name)) return 'software';
  // A card's name may hold a word of the others: "Radeon RX Vega".
  if (discrete.some((pattern) => pattern.test(name))) return 'discrete';
  return integrated.some((pattern) => pattern.test(name)) ? 'integrated' : 'unknown';
}
