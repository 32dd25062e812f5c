/** The report of the process that tries a model (serving/host/try-model.ts), one line. */
import { z } from 'zod';
import { errorCodes, errorTexts } from '../text/errors.ts';

export const triedSchema = z.discriminatedUnion('type', [
  /** `slow`, `memory`: it had to be ended. */
  z.object({ type: z.enum(['opens', 'slow', 'memory']) }),
  /** Llama.cpp refuses the file, for this reason. */
  z.object({ type: z.literal('refused'), why: z.string() }),
  z.object({ type: z.literal('failed'), code: z.enum(errorCodes), ...errorTexts }),
]);
export type Tried = z.infer<typeof triedSchema>;
