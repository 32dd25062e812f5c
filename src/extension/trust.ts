import * as vscode from 'vscode';
import { z } from 'zod';
import { UserError } from '../text/errors.ts';
import { t } from '../text/l10n.ts';

/** Errors: bad-request in a workspace that the user does not trust (yet). */
export function requireTrust(): void {
  if (vscode.workspace.isTrusted) return;
  throw new UserError(
    'bad-request',
    t('This workspace is not trusted.'),
    t('Trust it first; until then you can only view runs.'),
  );
}

const manifestSchema = z.object({
  contributes: z.object({
    commands: z.array(z.object({ command: z.string(), enablement: z.string().optional() })),
  }),
});

/**
 * The commands that package.json enables only in a trusted workspace, because they train or serve. The editor respects
 * that in its menus; other extensions, links and keys can still call them.
 */
export function trustedCommands(packageJson: unknown): ReadonlySet<string> {
  const { commands } = manifestSchema.parse(packageJson).contributes;
  const trusted = commands.filter(({ enablement }) => enablement?.includes('isWorkspaceTrusted'));
  return new Set(trusted.map(({ command }) => command));
}
