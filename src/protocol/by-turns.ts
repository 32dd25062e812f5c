/**
 * A comparison by turns: the lines of a run's by-turns.jsonl, which any window appends to. Numbers only, no text. See
 * docs/file-formats.md.
 */
import { z } from 'zod';
import { intervalSchema } from './evaluation.ts';
import { acceptanceSchema } from './panel.ts';

/** What happened with one model. */
export const turnCountsSchema = acceptanceSchema.extend({
  /** Characters that were accepted and still there later, without white space; at most `MOST_CHARACTERS` of each. */
  keptCharacters: z.int().default(0),
  /** Characters typed by hand. */
  typed: z.int().default(0),
});
export type TurnCounts = z.infer<typeof turnCountsSchema>;

/** `seed`: of the comparison that a line belongs to. The file holds one, and what late windows add to one before. */
const line = z.object({ seed: z.int() });

export const turnLineSchema = z.discriminatedUnion('type', [
  line.extend({
    type: z.literal('begun'),
    at: z.iso.datetime(),
    /** As many have to be shown before there is a verdict. */
    suggestions: z.int().positive(),
    /** The result's strength. At another one it is another model, so the comparison ends. */
    strength: z.number().optional(),
  }),
  /** In addition to earlier lines of the turn. */
  line.extend({ type: z.literal('counts'), turn: z.int(), ...turnCountsSchema.shape }),
  /** Only the first counts. */
  line.extend({
    type: z.literal('ended'),
    at: z.iso.datetime(),
    /** Undefined if it was ended before. */
    verdict: z.enum(['helps', 'useless', 'unclear']).optional(),
    /** How much more the result keeps, as a share: 0.2 is a fifth more. */
    gain: intervalSchema.optional(),
  }),
]);
export type TurnLine = z.infer<typeof turnLineSchema>;
export type CountsLine = Extract<TurnLine, { type: 'counts' }>;
export type EndedLine = Extract<TurnLine, { type: 'ended' }>;
