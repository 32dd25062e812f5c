/** Small DOM helpers. Text is only inserted as text, never as HTML. */

type Child = Node | string | undefined | false;

export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Record<string, string> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(
    ...children.filter((child): child is Node | string => child !== undefined && child !== false),
  );
  return element;
}

/** Changes the page only if the text is new, so that selections and screen readers are not disturbed. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

export function setAttribute(element: Element, name: string, value: string): void {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/** Rebuilds the content of an element only when `key`, the data it is built from, has changed. */
export class Keyed {
  private key: string | undefined;
  constructor(private readonly element: Element) {}
  update(key: unknown, build: () => Child[]): void {
    const text = JSON.stringify(key) ?? '';
    if (text === this.key) return;
    this.key = text;
    this.element.replaceChildren(
      ...build().filter((child): child is Node | string => child !== undefined && child !== false),
    );
  }
}

/** Holds what may be wider than the page; it can be scrolled with the keyboard. */
export const scrollable = (label: string, ...children: HTMLElement[]): HTMLDivElement =>
  h('div', { class: 'scroll', tabindex: '0', role: 'group', 'aria-label': label }, ...children);

export interface Table {
  caption: string;
  head: string[];
  rows: string[][];
}

export function table({ caption, head, rows }: Table): HTMLTableElement {
  return h(
    'table',
    {},
    h('caption', { class: 'visually-hidden' }, caption),
    h('thead', {}, h('tr', {}, ...head.map((text) => h('th', { scope: 'col' }, text)))),
    h(
      'tbody',
      {},
      ...rows.map((row) =>
        h(
          'tr',
          {},
          ...row.map((text, column) => (column ? h('td', {}, text) : h('th', { scope: 'row' }, text))),
        ),
      ),
    ),
  );
}
