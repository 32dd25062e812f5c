/** llama.cpp's own output for a file, computed in F32, to check the files that we write. */
import type { Token } from 'node-llama-cpp';
import { sharedLlama } from '../../src/llama-cpp/llama.ts';

/** The distribution of the next token after each token: [tokens][vocabulary]. */
export async function llamaProbabilities(
  model: string,
  tokens: Int32Array,
  adapter?: string,
): Promise<Float64Array[]> {
  const llama = await sharedLlama();
  const loaded = await llama.loadModel({ modelPath: model });
  const context = await loaded.createContext({
    contextSize: 128,
    // Several threads would wait for each other on busy cores.
    threads: 1,
    flashAttention: false,
    experimentalKvCacheKeyType: 'F32',
    experimentalKvCacheValueType: 'F32',
    ...(adapter && { lora: { adapters: [{ filePath: adapter, scale: 1 }] } }),
  });
  try {
    const options = { generateNext: { probabilities: true } };
    const outputs = await context
      .getSequence()
      .controlledEvaluate(Array.from(tokens, (token): [Token, typeof options] => [token as Token, options]));
    return outputs.map((output) => {
      const row = new Float64Array(output!.next.probabilities!.size);
      for (const [token, probability] of output!.next.probabilities!) row[token] = probability;
      return row;
    });
  } finally {
    await context.dispose();
    await loaded.dispose();
  }
}

/** Mean of KL(a || b) over positions, in nats. */
export function meanKl(a: Float64Array[], b: Float64Array[]): number {
  const rows = a.map((row, t) =>
    row.reduce((sum, p, i) => (p > 0 ? sum + p * Math.log(p / b[t]![i]!) : sum), 0),
  );
  return rows.reduce((sum, value) => sum + value, 0) / rows.length;
}
