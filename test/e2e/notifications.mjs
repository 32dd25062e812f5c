// VS Code's notifications. A toast disappears after some seconds, or behind three others: then it is in the
// notification centre.
import { until } from './until.mjs';

export class Notifications {
  constructor(page, command) {
    this.page = page;
    this.command = command;
    this.items = page.locator('.notification-list-item:visible');
    this.finished = this.items.filter({ hasNot: page.locator('.monaco-progress-container.active') });
    this.errors = this.items.filter({ has: page.locator('.codicon-error') });
    this.centre = page.locator('.notifications-center.visible');
    this.bell = page.locator('[id="status.notifications"] a');
  }

  /** The notification with this text, once it appears. An error with another text ends the wait. */
  async find(text, timeout) {
    const shown = async () => {
      if (await this.shows(text)) return true;
      await this.failOnErrors();
      return false;
    };
    await until(`the notification "${text}"`, shown, timeout);
    return this.#with(text);
  }

  /** Is this text shown now? Afterwards the centre may be open. */
  async shows(text) {
    if (await this.#with(text).isVisible()) return true;
    await this.#openCentre();
    return this.#with(text).isVisible();
  }

  /** The texts of all notifications that were not cleared. */
  async all() {
    await until('the notification centre', async () => {
      await this.#openCentre();
      return this.centre.isVisible();
    });
    return this.items.allInnerTexts();
  }

  async #openCentre() {
    if (await this.centre.isVisible()) return;
    await this.bell.click({ timeout: 5000 }).catch(() => undefined);
    // The bell's tooltip for a resting mouse would cover the buttons.
    await this.page.mouse.move(0, 0);
  }

  #with(text) {
    return this.items.filter({ hasText: text }).first();
  }

  /** No scenario expects an error: it is the reason for the failure. */
  async failOnErrors() {
    const [error] = await this.errors.allInnerTexts();
    if (error) throw new Error(`VS Code shows an error: ${error}`);
  }

  /** Presses a button of a notification, wherever it is shown by then. */
  async press(text, button, timeout) {
    await until(`the button "${button}" of "${text}"`, async () => {
      const item = await this.find(text, timeout);
      return item
        .getByRole('button', { name: button, exact: true })
        .click({ timeout: 5000 })
        .then(
          () => true,
          () => false,
        );
    });
  }

  /** Clears all but those in progress, and hides them. A command can be lost with the palette's focus. */
  async dismiss() {
    await until('the notifications to be cleared', async () => {
      await this.command('Notifications: Clear All Notifications');
      await this.#openCentre();
      return (await this.centre.isVisible()) && (await this.finished.count()) === 0;
    });
    await until('the notifications to go away', async () => {
      if (!(await this.centre.isVisible()) && (await this.items.count()) === 0) return true;
      await this.page.keyboard.press('Escape');
      return false;
    });
  }
}
