/** The conditions under which the list is measured, and how to set them up. */
import type { Workbench } from './driver.ts';

export const conditions = ['not installed', 'no model', 'off', 'snoozed', 'on'] as const;
export type Condition = (typeof conditions)[number];

/** Puts a freshly opened VS Code into a condition. */
export async function enter(condition: Condition, workbench: Workbench): Promise<void> {
  if (condition === 'not installed' || condition === 'no model') return;
  await workbench.command('Forget-Me-Not: Complete Code Without Training');
  await workbench.notification('completes your code now');
  await workbench.dismissNotifications();
  if (condition === 'off') {
    await workbench.command('Forget-Me-Not: Turn Completion Off');
    await workbench.statusBar('completion off').waitFor();
  }
  if (condition === 'snoozed') {
    await workbench.command('Forget-Me-Not: Snooze Completion');
    await workbench.pick('Snooze completion for how long?', '8 hours');
    await workbench.statusBar('snoozed until').waitFor();
  }
}
