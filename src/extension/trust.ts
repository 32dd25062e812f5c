import * as vscode from 'vscode';
import { UserError } from '../protocol/errors.ts';
import { t } from '../protocol/l10n.ts';

/** Errors: bad-request in a workspace that the user does not trust (yet). */
export function requireTrust(): void {
  if (vscode.workspace.isTrusted) return;
  throw new UserError(
    'bad-request',
    t('This workspace is not trusted.'),
    t('Trust it first; until then you can only view runs.'),
  );
}
