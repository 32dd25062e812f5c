/** The user's choices in the panel. The editor stores them while the panel is hidden and across a reload. */
import { z } from 'zod';
import { MAX_COMPARED } from './view-model/panel.ts';

const number = z.number().refine(Number.isFinite);

const cardStateSchema = z.object({
  /** The visible range of x, if the user has zoomed. */
  range: z.object({ min: number, max: number }).optional(),
  /** Picked metrics, by the label of the picker. */
  picked: z.record(z.string(), z.string()).default({}),
  open: z.boolean().default(false),
});
export type CardState = z.infer<typeof cardStateSchema>;

const viewStateSchema = z.object({
  /** The selected run; zoom ranges belong to it. */
  run: z.string().optional(),
  compared: z.array(z.string()).max(MAX_COMPARED).default([]),
  /** The filter of the list of runs. */
  filter: z.string().default(''),
  /** Pixels from the top. */
  scroll: number.default(0),
  details: z.boolean().default(false),
  cards: z.record(z.string(), cardStateSchema).default({}),
});
export type ViewState = z.infer<typeof viewStateSchema>;

/** Validates the stored state; a damaged one, or one of another version, is replaced by the defaults. */
export function readViewState(kept: unknown): ViewState {
  const read = viewStateSchema.safeParse(kept);
  return read.success ? read.data : viewStateSchema.parse({});
}
