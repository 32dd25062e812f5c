/** Only our own text may become links and icons in VS Code. Its patterns: base/common/linkedText.ts, iconLabels.ts. */
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { Log } from '../../../src/extension/log.ts';
import { plain, plainLabel } from '../../../src/extension/plain.ts';
import { showQuickPick, showWarningMessage, tooltip } from '../../../src/extension/editor-ui.ts';
import { runItem } from '../../../src/extension/texts.ts';
import { makeRun } from '../webview/fixtures.ts';
import { answers, reset, shown } from './fake-vscode.ts';

vi.mock('vscode', async () => ({
  ...(await import('./fake-vscode.ts')),
  MarkdownString: class {
    value = '';
    appendMarkdown(text: string) {
      this.value += text;
      return this;
    }
    appendText(text: string) {
      this.value += `<${text}>`;
      return this;
    }
  },
}));
beforeEach(reset);

const LINK = /\[([^\]]+)\]\(((?:https?:\/\/|command:|file:)[^)\s]+)(?: (["'])(.+?)(\3))?\)/;
const ICON = /\$\([a-z0-9-]+(?:~[a-z]+)?\)/i;
const hostile = [
  '[Open](command:workbench.action.terminal.new)',
  '[[a](https://evil.example)](command:x "title")',
  '$(check) verified $$(sync~spin)',
  'a\u202e\x1b[2J\u200b',
];

describe('untrusted text', () => {
  it.each(hostile)('becomes no link or icon: %j', (text) => {
    for (const displayed of [plain(text), plainLabel(`$(folder) ${text}`).replace('$(folder) ', '')]) {
      expect(displayed).not.toMatch(LINK);
      expect(displayed).not.toMatch(ICON);
      expect(displayed).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    }
  });

  it('is unchanged where the editor does not format it', () => {
    for (const text of ['my run (2)', 'a[0] (b)', '$5 (once)', 'C:\\code', 'two\nlines'])
      expect(plain(text)).toBe(text);
  });

  it('is plain in a message and its details', async () => {
    const log = { showError: vi.fn() } as unknown as Log;
    await Log.prototype.notify.call(log, 'error', `It failed: ${hostile[0]}.`);
    await showWarningMessage(`Delete ${hostile[0]}?`, { modal: true, detail: hostile[1]! }, 'Delete');
    expect(shown).toHaveLength(2);
    for (const text of shown) expect(text).not.toMatch(LINK);
  });

  it('is plain in a list, which returns the row itself', async () => {
    const run = makeRun({ name: hostile[2]! });
    const row = runItem(run, 'done', false);
    expect(row.label).not.toMatch(ICON);
    answers.push('$ (check');
    expect(await showQuickPick([row], { placeHolder: '?' })).toBe(row);
  });

  it('is not Markdown in a tooltip', () => {
    const { value } = tooltip(['![x](https://evil.example/x.png)', '', '**b** \u202e']);
    expect(value).toBe('**<![x](https://evil.example/x.png)>**\n\n<**b** \\u202e>');
  });
});
