/** The bases to choose from, as the command line lists them for the backend in the settings. */
import { baseListSchema, type BaseList } from './bases.ts';
import type { ChildOptions } from '../children.ts';
import type { Services } from '../services.ts';
import { settings } from '../settings.ts';

export const listBases = (
  { children }: Pick<Services, 'children'>,
  options?: ChildOptions,
): Promise<BaseList> => children.ask(baseListSchema, ['models', ...settings.backendOptions()], options);
