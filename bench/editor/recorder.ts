/** Records, within VS Code's page, when keys arrive and when the suggestion list is drawn. */
import type { Page } from 'playwright-core';

/** `at` is in ms of the page's clock. */
export type Entry = { at: number; kind: 'key'; key: string } | { at: number; kind: 'list'; open: boolean };

interface Recording {
  forgetMeNotEntries: Entry[];
}

/** Records every page of this browser from its beginning. */
export async function record(page: Page): Promise<void> {
  await page.addInitScript(install);
}

/** The recorded entries starting at `index`. */
export const entriesFrom = (page: Page, index: number): Promise<Entry[]> =>
  page.evaluate((from) => (window as unknown as Recording).forgetMeNotEntries.slice(from), index);

export const countEntries = (page: Page): Promise<number> =>
  page.evaluate(() => (window as unknown as Recording).forgetMeNotEntries.length);

export const isListOpen = (page: Page): Promise<boolean> =>
  page.evaluate(() => {
    const entries = (window as unknown as Recording).forgetMeNotEntries;
    const last = entries.findLast((entry) => entry.kind === 'list');
    return last?.kind === 'list' && last.open;
  });

/** Runs in the page, so it must be self-contained. */
function install(): void {
  if (window !== window.top) return;
  const entries: Entry[] = [];
  (window as unknown as Recording).forgetMeNotEntries = entries;
  const modifiers = ['Shift', 'Control', 'Alt', 'Meta'];
  window.addEventListener(
    'keydown',
    ({ key, timeStamp }) => {
      if (!modifiers.includes(key)) entries.push({ at: timeStamp, kind: 'key', key });
    },
    true,
  );
  /** "Loading..." and "No suggestions" don't count as a list. */
  const isOpen = () =>
    document.querySelector('.suggest-widget.visible:not(.message) .monaco-list-row') !== null;
  let open = false;
  const look = () => {
    if (isOpen() !== open) entries.push({ at: performance.now(), kind: 'list', open: (open = !open) });
  };
  const what = { subtree: true, childList: true, attributes: true };
  new MutationObserver(look).observe(document, { ...what, attributeFilter: ['class'] });
}
