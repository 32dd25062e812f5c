/** All kinds of secrets. */
import type { Kind } from '../model.ts';
import { headers } from './headers.ts';
import { logins } from './logins.ts';
import { commands, statements } from './commands.ts';
import { connections } from './connections.ts';
import { deploymentFiles } from './deployment-files.ts';
import { foreign } from './foreign.ts';
import { cards } from './cards.ts';
import { keys } from './keys.ts';
import { named } from './named.ts';
import { providerTokens } from './providers.ts';
import { toolFiles } from './tool-files.ts';

export const secrets: readonly Kind[] = [
  ...named,
  ...foreign,
  ...connections,
  ...commands,
  ...statements,
  ...deploymentFiles,
  ...toolFiles,
  ...headers,
  ...logins,
  ...providerTokens,
  ...keys,
  ...cards,
];
