/** What there is to start from, as the command line finds it for what is to compute. */
import { offeredSchema, type Offered } from './bases.ts';
import type { Services } from '../services.ts';
import { settings } from '../settings.ts';

export const offeredBases = ({ children }: Pick<Services, 'children'>): Promise<Offered> =>
  children.ask(offeredSchema, ['models', '--backend', settings.backend]);
