// What a user does in VS Code, in Chromium: commands, questions, notifications, the panel, typing.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Notifications } from './notifications.mjs';
import { QuickInput } from './quick-input.mjs';
import { becomes, PATIENCE_MS, until } from './until.mjs';

/**
 * A workbench in a separate browser. `shots` is the folder for screenshots, `executablePath` a Chromium, `args` further
 * arguments for it.
 */
export async function openBrowser(shots, executablePath, args = []) {
  // Not imported at the top: it is only installed by then.
  const { chromium } = await import('playwright-core');
  const profile = mkdtempSync(join(tmpdir(), 'forget-me-not-chromium-'));
  const remove = () => rmSync(profile, { recursive: true, force: true, maxRetries: 20 });
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
      ...args,
    ],
  });
  const context = await launched.catch((error) => {
    remove();
    throw error;
  });
  mkdirSync(shots, { recursive: true });
  const page = context.pages()[0] ?? (await context.newPage());
  page.setDefaultTimeout(PATIENCE_MS);
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
    this.asked = new QuickInput(page);
    this.notifications = new Notifications(page, (title) => this.command(title));
  }

  async screenshot(name) {
    this.#shot += 1;
    // Notifications slide in.
    if (await this.page.locator('.notification-toast').first().isVisible())
      await this.page.waitForTimeout(500);
    await this.page.screenshot({
      path: join(this.shots, `${String(this.#shot).padStart(2, '0')}-${name}.png`),
    });
  }

  /** What the screen shows, for the log of a failure: it may be all that is left of it. */
  async describe() {
    const texts = (selector) => this.page.locator(selector).filter({ visible: true }).allInnerTexts();
    const seen = {
      tabs: await texts('.tab'),
      'status bar': await texts('.statusbar-item'),
      lines: await texts('.editor-instance .view-line'),
      decorations: await this.decorations(),
      'ghost text': await this.ghostText().allInnerTexts(),
      widgets: await texts('.suggest-widget, .parameter-hints-widget, .monaco-hover, .quick-input-widget'),
      notifications: await texts('.notification-toast, .monaco-dialog-box'),
      focus: await this.page.locator(':focus').evaluateAll((all) => all.map(({ className }) => className)),
    };
    return Object.entries(seen)
      .map(([what, shown]) => `  ${what}: ${JSON.stringify(shown)}`)
      .join('\n');
  }

  async open(url) {
    await this.page.goto(url);
    await this.#started();
  }

  async reload() {
    await this.page.reload();
    await this.#started();
  }

  async #started() {
    await this.page.locator('.monaco-workbench').waitFor();
    await this.page.locator('.statusbar-item').first().waitFor();
  }

  /** Closes all editors, questions and notifications. */
  async clear() {
    await this.asked.close();
    // Not saved: after a reload during a save, VS Code may restore the text before it, and refuse to save that.
    const dirty = this.page.locator('.tab.dirty').first();
    await until('nothing to be unsaved', async () => {
      if (!(await dirty.isVisible())) return true;
      await dirty.click();
      await this.command('File: Revert File');
      return becomes(async () => !(await dirty.isVisible()), 2000);
    });
    const tabs = this.page.locator('.tab');
    await until('the editors to close', async () => {
      if (!(await tabs.count())) return true;
      // If something takes the focus just when Enter is pressed, the palette closes and nothing runs: try again.
      await this.command('View: Close All Editors');
      return becomes(async () => !(await tabs.count()), 2000);
    });
    await this.notifications.dismiss();
  }

  command(title, timeout) {
    return this.asked.command(title, timeout);
  }
  commandAndPick(title, placeholder, label) {
    return this.asked.commandAndPick(title, placeholder, label);
  }
  pick(placeholder, label) {
    return this.asked.pick(placeholder, label);
  }
  answer(title, text) {
    return this.asked.answer(title, text);
  }
  choosePath(title, path) {
    return this.asked.choosePath(title, path);
  }
  notification(text, timeout) {
    return this.notifications.find(text, timeout);
  }
  notificationButton(text, button, timeout) {
    return this.notifications.press(text, button, timeout);
  }
  /** Presses a button of a modal question. */
  async confirm(text, button) {
    const dialog = this.page.locator('.monaco-dialog-box').filter({ hasText: text });
    await dialog.getByRole('button', { name: button, exact: true }).click();
    await dialog.waitFor({ state: 'detached' });
  }
  dismissNotifications() {
    return this.notifications.dismiss();
  }

  statusBar(text) {
    return this.page.locator('.statusbar-item').filter({ hasText: text }).first();
  }

  /** The extension's status bar item spins while it waits for a completion. */
  asking() {
    return this.page.locator('.statusbar-item[id*="forget-me-not" i] .codicon-loading').first();
  }

  /** The contents of the topmost webview. */
  panel() {
    return this.page.frameLocator('iframe.webview.ready').frameLocator('iframe#active-frame');
  }

  /** Text that is shown in grey and not yet in the file. */
  ghostText() {
    return this.page.locator(
      '.editor-instance .ghost-text-decoration, .editor-instance .suggest-preview-text .ghost-text',
    );
  }

  /** The editor of a file, or any. */
  editor(name = '') {
    const uri = name && `[data-uri$="/${name}"]`;
    return this.page.locator(`.editor-instance .monaco-editor${uri}`);
  }

  /** The texts that decorations show before and after others. */
  decorations(name) {
    const drawn = this.editor(name).locator('.view-lines span');
    return drawn.evaluateAll((spans) =>
      spans
        .flatMap((span) =>
          ['::before', '::after'].map(
            (side) => span.ownerDocument.defaultView.getComputedStyle(span, side).content,
          ),
        )
        .filter((content) => content.startsWith('"'))
        .join(' '),
    );
  }

  /** The first entry of VS Code's suggestion list, while it is open. */
  list() {
    return this.page.locator('.suggest-widget.visible .monaco-list-row').first();
  }

  /** Escape closes the list: Enter and Tab would accept its entry. */
  async closeList() {
    await until('the list of suggestions to close', async () => {
      if (!(await this.list().isVisible())) return true;
      await this.page.keyboard.press('Escape');
      return false;
    });
  }

  /** Opens a file of the workspace by its name; later typing goes into it. */
  async openFile(name) {
    await this.asked.file(name);
    await this.page.locator('.tab.active').filter({ hasText: name }).waitFor();
    await this.focusEditor(name);
  }

  /** The tab appears before its text. */
  async focusEditor(name) {
    const editor = this.editor(name);
    await editor.locator('.view-lines').click();
    await editor.and(this.page.locator('.focused')).waitFor();
  }

  /**
   * Types into the open file. A full stop accepts the list's entry, so the list is closed before it; one that opened
   * late may still insert part of it, and then the line is typed again.
   */
  async type(text) {
    const { keyboard } = this.page;
    const drawn = this.page.locator('.editor-instance .view-lines');
    const isTyped = async () => squeeze(await drawn.innerText()).includes(squeeze(text));
    await until(`"${text}" to be typed`, async () => {
      for (const [at, part] of text.split(/(?=\.)/).entries()) {
        if (at > 0 && (await becomes(() => this.list().isVisible(), 1500))) await this.closeList();
        await keyboard.type(part, { delay: 30 });
      }
      if (await becomes(isTyped, 5000)) return true;
      await this.closeList();
      await keyboard.press('Shift+Home');
      return false;
    });
  }
}

/** White space and control characters are displayed as other characters than they are saved as. */
export const squeeze = (text) => text.replace(/[\s\p{Cc}\u00b7\u2400-\u2421\ufffd]+/gu, '');
