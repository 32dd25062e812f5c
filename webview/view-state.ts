/** What the person chose in the panel, as the editor keeps it while the panel is hidden and over a reload. */
import { z } from 'zod';
import { MOST_BESIDE } from './view-model/panel.ts';

const number = z.number().refine(Number.isFinite);

const cardStateSchema = z.object({
  /** What is seen along x, where the person zoomed. */
  range: z.object({ min: number, max: number }).optional(),
  /** By the label of the choice. */
  picked: z.record(z.string(), z.string()).default({}),
  /** Whether its table is open. */
  open: z.boolean().default(false),
});
export type CardState = z.infer<typeof cardStateSchema>;

export const viewStateSchema = z.object({
  /** The run that is shown; zooms belong to it. */
  run: z.string().optional(),
  beside: z.array(z.string()).max(MOST_BESIDE).default([]),
  /** Of the list of runs. */
  filter: z.string().default(''),
  /** Pixels from the top. */
  scroll: number.default(0),
  /** Whether what stands under Details is open. */
  details: z.boolean().default(false),
  /** By the chart's id. */
  cards: z.record(z.string(), cardStateSchema).default({}),
});
export type ViewState = z.infer<typeof viewStateSchema>;

/** What was kept; what is damaged or of another version counts as nothing. */
export function readViewState(kept: unknown): ViewState {
  const read = viewStateSchema.safeParse(kept);
  return read.success ? read.data : viewStateSchema.parse({});
}
