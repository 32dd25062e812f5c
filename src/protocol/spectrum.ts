/** What `spectrum.mjs` says on stdout, one object per line. Its results are in files. */
import { z } from 'zod';
import { errorTexts } from '../text/errors.ts';

export const spectrumMessageSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('progress'),
    /** Parts. */
    done: z.int(),
    total: z.int(),
  }),
  z.object({ type: z.literal('done') }),
  z.object({ type: z.literal('failed'), code: z.string(), ...errorTexts }),
]);
export type SpectrumMessage = z.infer<typeof spectrumMessageSchema>;
