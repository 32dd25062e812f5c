// What a person does in VS Code, in Chromium: commands, quick picks, notifications, the panel, typing.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A workbench in a browser of its own. `shots` is where screenshots go, `executablePath` a Chromium. */
export async function openBrowser(shots, executablePath) {
  // Not imported at the top: it is installed by then, not before.
  const { chromium } = await import('playwright-core');
  const profile = mkdtempSync(join(tmpdir(), 'forget-me-not-chromium-'));
  const remove = () => rmSync(profile, { recursive: true, force: true });
  const launched = chromium.launchPersistentContext(profile, {
    executablePath,
    headless: true,
    viewport: { width: 1400, height: 900 },
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
  const context = await launched.catch((error) => {
    remove();
    throw error;
  });
  mkdirSync(shots, { recursive: true });
  const page = context.pages()[0] ?? (await context.newPage());
  page.setDefaultTimeout(30_000);
  return {
    workbench: new Workbench(page, shots),
    async close() {
      await context.close();
      remove();
    },
  };
}

export class Workbench {
  #shot = 0;
  constructor(page, shots) {
    this.page = page;
    this.shots = shots;
  }

  async screenshot(name) {
    this.#shot += 1;
    // Notifications slide in.
    await this.page.waitForTimeout(500);
    await this.page.screenshot({
      path: join(this.shots, `${String(this.#shot).padStart(2, '0')}-${name}.png`),
    });
  }

  async open(url) {
    await this.page.goto(url);
    await this.page.locator('.monaco-workbench').waitFor();
    await this.page.locator('.statusbar-item').first().waitFor();
  }

  async reload() {
    await this.page.reload();
    await this.page.locator('.monaco-workbench').waitFor();
    await this.page.locator('.statusbar-item').first().waitFor();
  }

  /** Text that is shown in grey and not yet in the file. */
  ghostText() {
    return this.page.locator(
      '.editor-instance .ghost-text-decoration, .editor-instance .suggest-preview-text .ghost-text',
    );
  }

  async dismissNotifications() {
    await this.command('Notifications: Clear All Notifications');
    await this.page.locator('.notification-toast').first().waitFor({ state: 'detached' });
  }

  /** Runs a command by its title. The palette does not refresh when commands register later: it is opened again. */
  async command(title, timeout = 60_000) {
    const { page } = this;
    const end = Date.now() + timeout;
    for (;;) {
      await page.keyboard.press('Escape');
      await page.keyboard.press('F1');
      const input = page.locator('.quick-input-widget input.input');
      await input.waitFor();
      await input.fill(`>${title}`);
      const row = page.locator('.quick-input-list .monaco-list-row').filter({ hasText: title }).first();
      try {
        await row.waitFor({ timeout: 3000 });
        await row.click();
        return;
      } catch (error) {
        if (Date.now() > end) throw error;
      }
    }
  }

  quickPick() {
    return this.page.locator('.quick-input-widget');
  }

  /** Waits for a quick pick with this text in it, then takes the row with that label. */
  async pick(placeholder, label) {
    await this.page.locator(`.quick-input-widget input[placeholder*="${placeholder}"]`).waitFor();
    const row = this.page.locator('.quick-input-list .monaco-list-row').filter({ hasText: label }).first();
    await row.click();
  }

  /** Types into the input box with this title. The pick before it has the same box until it is gone. */
  async answer(title, text) {
    await this.page.locator('.quick-input-title').filter({ hasText: title }).waitFor();
    const input = this.page.locator('.quick-input-widget input.input');
    await input.waitFor();
    await input.fill(text);
    await input.press('Enter');
  }

  /** Types a path into VS Code's own file dialog, which first writes its folder there when it has looked at that. */
  async choosePath(title, path) {
    await this.page.locator('.quick-input-title').filter({ hasText: title }).waitFor();
    const input = this.page.locator('.quick-input-widget input.input');
    for (let tries = 0; tries < 20; tries += 1) {
      await this.page.waitForTimeout(300);
      if ((await input.inputValue()) === path) break;
      if (await input.inputValue()) await input.fill(path);
    }
    await input.press('Enter');
  }

  /** A notification that holds this text. */
  notification(text) {
    return this.page
      .locator('.notification-toast, .notifications-center .notification-list-item')
      .filter({ hasText: text })
      .first();
  }

  async notificationButton(text, button) {
    const toast = this.notification(text);
    await toast.waitFor();
    await toast.getByRole('button', { name: button, exact: true }).click();
  }

  statusBar(text) {
    return this.page.locator('.statusbar-item').filter({ hasText: text }).first();
  }

  /** The inside of the webview that is on top. */
  panel() {
    return this.page.frameLocator('iframe.webview.ready').frameLocator('iframe#active-frame');
  }

  /** Opens a file of the workspace by its name. One that is new may not be found yet: it is looked for again. */
  async openFile(name, timeout = 60_000) {
    const { page } = this;
    const end = Date.now() + timeout;
    for (;;) {
      await page.keyboard.press('Escape');
      await page.keyboard.press('Control+P');
      const input = page.locator('.quick-input-widget input.input');
      await input.waitFor();
      await input.fill(name);
      try {
        const row = page.locator('.quick-input-list .monaco-list-row').filter({ hasText: name }).first();
        await row.click({ timeout: 3000 });
        break;
      } catch (error) {
        if (Date.now() > end) throw error;
      }
    }
    await page.locator('.tab.active').filter({ hasText: name }).waitFor();
    await page.locator('.editor-instance .monaco-editor').first().click();
  }
}
