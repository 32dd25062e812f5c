// The one box that VS Code uses for questions: the palette, quick picks, input boxes and its own file dialog.
import { becomes, until } from './until.mjs';

/** If a key or a click has no effect for this long (ms), it is repeated. */
const RETRY_MS = 5000;
/** The longest that a command may take to ask, ms; the wizard first looks at the machine. */
const PROMPT_TIMEOUT_MS = 20_000;

export class QuickInput {
  constructor(page) {
    this.page = page;
    this.widget = page.locator('.quick-input-widget');
    this.input = this.widget.locator('input.input');
    this.rows = this.widget.locator('.quick-input-list .monaco-list-row');
    this.busy = this.widget.locator('.quick-input-progress.active');
  }

  /** Dismisses any question. */
  async close() {
    await until('the question to go away', async () => {
      if (!(await this.widget.isVisible())) return true;
      await this.page.keyboard.press('Escape');
      return becomes(async () => !(await this.widget.isVisible()), 1000);
    });
  }

  /** Opens the box with a workbench key, and types. */
  async #open(key, typed) {
    await this.close();
    // A webview that is still loading, or closing, would swallow the key.
    await this.page.locator('iframe:focus').evaluateAll((frames) => frames.forEach((frame) => frame.blur()));
    await until('the palette', async () => {
      await this.page.keyboard.press(key);
      if (!(await becomes(() => this.input.isVisible(), RETRY_MS))) return false;
      // Something else may take the focus, which closes it again.
      const filled = this.input.fill(typed, { timeout: RETRY_MS });
      return filled.then(() => true).catch(() => false);
    });
  }

  /**
   * Presses Enter on the row with exactly this label, and waits until the box is gone. False if there is no such row
   * (yet).
   */
  async #enter(label) {
    const focused = this.widget.locator('.monaco-list-row.focused .label-name');
    const name = () =>
      focused
        .first()
        .innerText({ timeout: 1000 })
        .catch(() => '');
    const row = this.rows.locator('.label-name').filter({ hasText: new RegExp(`^${escape(label)}$`) });
    if (!(await becomes(() => row.first().isVisible(), RETRY_MS))) return false;
    for (let moves = 0; (await name()) !== label && moves < 10; moves += 1)
      await this.input.press('ArrowDown');
    if ((await name()) !== label) return false;
    const asked = await this.input.inputValue();
    await this.input.press('Enter');
    return becomes(
      async () => !(await this.widget.isVisible()) || (await this.input.inputValue()) !== asked,
      RETRY_MS,
    );
  }

  /** Runs a command by its title. An open palette does not show commands registered later: it is reopened. */
  async command(title, timeout) {
    const ran = async () => {
      await this.#open('F1', `>${title}`);
      return this.#enter(title);
    };
    await until(`the command "${title}"`, ran, timeout);
  }

  /**
   * Runs a command that asks something, and picks a row with this text. A step of the tour that was just completed may take the focus, which closes the
   * palette before the command runs, or its question: then it is run again.
   */
  async commandAndPick(title, placeholder, label) {
    const box = this.widget.locator(`input[placeholder*="${placeholder}"]`);
    await until(`"${title}" to ask`, async () => {
      await this.command(title);
      return becomes(() => box.isVisible(), PROMPT_TIMEOUT_MS);
    });
    await this.pick(placeholder, label);
  }

  /** Opens a file of the workspace by its name. A new one may not be found at once: the search is repeated. */
  async file(name) {
    const tab = this.page.locator('.tab.active').filter({ hasText: name });
    const opened = async () => {
      await this.#open('Control+P', name);
      // If something takes the focus just when Enter is pressed, the box closes and nothing is opened.
      return (await this.#enter(name)) && becomes(() => tab.isVisible(), RETRY_MS);
    };
    await until(`the file ${name}`, opened);
  }

  /** Picks a row with this text. The previous pick's box may still be open. */
  async pick(placeholder, label) {
    const box = this.widget.locator(`input[placeholder*="${placeholder}"]`);
    const row = this.rows.filter({ hasText: label }).first();
    await box.waitFor();
    await until(`"${label}" to be taken`, async () => {
      // The previous click may have picked it.
      if (!(await box.isVisible())) return true;
      await row.click({ timeout: RETRY_MS }).catch(() => undefined);
      return becomes(async () => !(await box.isVisible()), RETRY_MS);
    });
  }

  /** Presses Enter on the first row. The box may appear before its rows. */
  async enterFirst(placeholder) {
    const box = this.widget.locator(`input[placeholder*="${placeholder}"]`);
    await box.waitFor();
    await this.widget.locator('.monaco-list-row.focused').first().waitFor();
    await until('the rows to be all there', async () => (await this.busy.count()) === 0);
    await box.press('Enter');
    await box.waitFor({ state: 'hidden' });
  }

  /** Types into the input box with this title. */
  async answer(title, text) {
    const heading = this.#title(title);
    await heading.waitFor();
    await until(`"${text}" to be taken`, async () => {
      if (!(await heading.isVisible())) return true;
      await this.input.fill(text);
      if ((await this.input.inputValue()) !== text) return false;
      await this.input.press('Enter');
      return becomes(async () => !(await heading.isVisible()), RETRY_MS);
    });
  }

  /**
   * Types a path into VS Code's own file dialog. The dialog first reads its folder and then writes that into its box,
   * and again for another folder that is typed. So the test types only when it is idle, and confirms once it shows the
   * path and is idle.
   */
  async choosePath(title, path) {
    const heading = this.#title(title);
    await heading.waitFor();
    await until(`the path ${path} to be taken`, async () => {
      if (!(await heading.isVisible())) return true;
      if (!(await this.#atRest())) return false;
      if ((await this.input.inputValue()) !== path) {
        await this.input.fill(path);
        return false;
      }
      await this.input.press('Enter');
      return becomes(async () => !(await heading.isVisible()), RETRY_MS);
    });
  }

  /** Does the file dialog show a folder, and has it stopped changing? */
  async #atRest() {
    const now = async () =>
      JSON.stringify([
        await this.input.inputValue(),
        await this.busy.count(),
        await this.rows.allInnerTexts(),
      ]);
    const before = await now();
    if (!before.startsWith('["/') || (await this.busy.count())) return false;
    return !(await becomes(async () => (await now()) !== before, 400));
  }

  #title(text) {
    return this.widget.locator('.quick-input-title').filter({ hasText: text });
  }
}

const escape = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
