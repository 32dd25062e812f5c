import { expect, it } from 'vitest';
import { holdsSecrets } from '../../../src/extension/completion/secret-files.ts';

it.each([
  '/shop/.env',
  '/shop/.env.local',
  '/shop/prod.env',
  '/c:/Shop/Server.PEM',
  '/home/me/.ssh/id_ed25519',
  '/home/me/.npmrc',
  '/home/me/.aws/credentials',
  '/shop/infra/prod.tfvars',
])('%s is not sent', (path) => expect(holdsSecrets(path)).toBe(true));

it.each([
  '/shop/env.ts',
  '/shop/src/keys.py',
  '/shop/credentials.ts',
  '/shop/.envrc.md',
  '/shop/monkey.js',
  '/.env/main.py',
])('%s is code', (path) => expect(holdsSecrets(path)).toBe(false));
