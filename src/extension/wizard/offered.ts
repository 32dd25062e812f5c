/** The bases to choose from, as the command line lists them for the backend in the settings. */
import { offeredSchema, type Offered } from './bases.ts';
import type { ChildOptions } from '../children.ts';
import type { Services } from '../services.ts';
import { settings } from '../settings.ts';

export const offeredBases = (
  { children }: Pick<Services, 'children'>,
  options?: ChildOptions,
): Promise<Offered> => children.ask(offeredSchema, ['models', ...settings.backendOptions()], options);
