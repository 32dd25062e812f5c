import { expect, it } from 'vitest';
import { startBackend } from '../../src/tensor/index.ts';
import { tensorSuite } from '../support/tensor-suite.ts';

tensorSuite('tensorflow');

it(
  'keeps a constant that it is about to use, however many others were created since',
  { timeout: 60_000 },
  async () => {
    for (let others = 4090; others < 4100; others += 1) {
      const b = await startBackend('tensorflow');
      expect(b.liveTensors).toBe(0);
      const x = b.tensor(
        Float32Array.from({ length: 8 }, (_, i) => i),
        [8],
      );
      const cut = (begin: number, size: number) => b.dispose(b.slice(x, [begin], [size]));
      cut(3, 2);
      for (let i = 0; i < others; i += 1) b.dispose(b.add(x, i / 8));
      // Its size may have been dropped by now; its beginning is next.
      const part = b.slice(x, [2], [3]);
      expect(Array.from(await b.read(part))).toEqual([2, 3, 4]);
    }
  },
);
