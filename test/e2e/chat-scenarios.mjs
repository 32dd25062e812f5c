// What a user does in the Chat view of the newest VS Code, with its own GitHub Copilot extension and no account: lets
// the chat use this machine's models, picks a result, asks, and reads the answer.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { makeChatBase, makeQuestions } from './chat-base.mjs';
import { becomes, until } from './until.mjs';
import { root } from './workplace.mjs';

const NAME = 'roses';

export const chatScenarios = {
  async 'a result answers in the chat, without an account'(workbench, place) {
    const base = place.chatBase ?? (await makeChatBase(place.dir));
    learn(place, base);
    // If there were no runs yet, the folder is not watched.
    await workbench.reload();
    const chat = new Chat(workbench);
    await chat.addModels('Forget-Me-Not');
    await chat.open();
    // Appears once the chat's own extension has started.
    await chat.choose('Ask');
    await chat.chooseModel(NAME);
    await workbench.screenshot('chat-model');
    await chat.ask('Who is it about the garden?');
    const answer = await until(
      'an answer',
      async () => {
        const text = await chat.answer();
        const failed = /Reason: .*|.*signed in.*/.exec(text);
        if (failed) throw new Error(`The chat says: ${failed[0]}`);
        return !(await chat.isWorking()) && text;
      },
      place.chatBase && 600_000,
    );
    await workbench.screenshot('chat-answered');
    // Random weights have learned one sentence, and nothing from such long instructions: the answer may be anything.
    console.log(`      the answer: ${JSON.stringify(answer)}`);
    assert.ok(place.servers(base).length > 0, 'a server of this machine has answered');
  },
};

/** For random weights. A real base is trained as usual, with TensorFlow. */
const TINY = '--rank 32 --lr 0.003 --optimizer adamw --dropout 0';
const LEARNED = '--steps 60 --strength 1 --seq 128 --humaneval 0 --retention 2 --held-out-windows 4';

/** An instruct adapter, trained by the command line: the wizard is covered by another scenario. */
function learn({ dir, home, backend, chatBase }, base) {
  const run = (args) => {
    const env = { ...process.env, FORGET_ME_NOT_HOME: home };
    const { status, stderr } = spawnSync(process.execPath, [join(root, 'dist/cli.mjs'), ...args, '--yes'], {
      env,
      encoding: 'utf8',
    });
    assert.equal(status, 0, stderr);
  };
  if (chatBase) run(['runtime', 'install']);
  const options = chatBase ? LEARNED : `--backend ${backend} ${TINY} ${LEARNED}`;
  const args = ['--mode', 'instruct', '--data', makeQuestions(dir), '--base', base, '--name', NAME];
  run(['train', ...args, ...options.split(' ')]);
}

/** The Chat view. */
class Chat {
  constructor(workbench) {
    this.workbench = workbench;
    this.page = workbench.page;
    this.view = this.page.locator('.part.auxiliarybar');
    this.list = this.page.locator('.action-widget:visible');
  }

  /** "Add Models" in the editor's list of models: without an account, the chat opens only then. */
  async addModels(vendor) {
    await this.workbench.command('Chat: Manage Language Models');
    const add = this.page.getByRole('button', { name: 'Add Models' }).first();
    const entry = this.page.locator('.monaco-menu').getByText(vendor, { exact: true });
    await until(`${vendor} among the models that can be added`, async () => {
      await add.click();
      if (await becomes(() => entry.isVisible(), 2000)) return true;
      await this.page.keyboard.press('Escape');
      return false;
    });
    await entry.click();
    await this.workbench.asked.widget.locator('input.input').press('Enter');
    await this.workbench.asked.widget.waitFor({ state: 'hidden' });
    await this.page.keyboard.press('Escape');
  }

  async open() {
    await until('the Chat view', async () => {
      if (await this.#input().isVisible()) return true;
      await this.workbench.command('Chat: Open Chat');
      return becomes(() => this.#input().isVisible(), 5000);
    });
  }

  /** Picks a chat mode from the list that opens at the current one. */
  async choose(mode) {
    const button = this.view.locator('.chat-mode-picker-item').first();
    await until(`the mode ${mode}`, async () => {
      if ((await button.innerText()).includes(mode)) return true;
      await this.#openList(button);
      const entry = this.list.getByText(mode, { exact: true });
      if (await becomes(() => entry.isVisible(), 1000)) await entry.click();
      else await this.page.keyboard.press('Escape');
      return false;
    });
  }

  /** Picks a model from the list, which shows some only on request. */
  async chooseModel(name) {
    const button = this.view.locator('.model-picker-item').first();
    const row = this.list.locator('.monaco-list-row').filter({ hasText: name }).first();
    const others = this.list.getByText('Other Models', { exact: true });
    await until(`the model ${name}`, async () => {
      if ((await button.innerText()).trim() === name) return true;
      await this.#openList(button);
      if (!(await becomes(() => row.isVisible(), 1000)) && (await others.isVisible())) await others.click();
      if (await becomes(() => row.isVisible(), 1000))
        await row.click({ timeout: 2000 }).catch(() => undefined);
      if (await this.list.first().isVisible()) await this.page.keyboard.press('Escape');
      return false;
    });
  }

  async #openList(button) {
    await button.click();
    await this.list.first().waitFor();
  }

  async ask(question) {
    await this.#input().click();
    await this.page.keyboard.type(question);
    await this.page.keyboard.press('Enter');
    await this.view.locator('.interactive-request').filter({ hasText: question }).waitFor();
  }

  /** The answers so far. */
  async answer() {
    const answers = await this.view.locator('.interactive-response .value').allInnerTexts();
    return answers.join('\n').trim();
  }

  async isWorking() {
    return (await this.view.locator('.interactive-response.chat-response-loading').count()) > 0;
  }

  #input() {
    return this.view.locator('.interactive-input-editor');
  }
}
