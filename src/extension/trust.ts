import * as vscode from 'vscode';
import { UserError } from '../protocol/errors.ts';

/** Errors: bad-request in a workspace that the user does not trust (yet). */
export function requireTrust(): void {
  if (vscode.workspace.isTrusted) return;
  throw new UserError(
    'bad-request',
    'This workspace is not trusted.',
    'Trust it first; until then you can only view runs.',
  );
}
