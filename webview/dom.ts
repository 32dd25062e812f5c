/** Small helpers on the DOM. Text only ever goes in as text, never as HTML. */

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

/** Touches the page only when there is something new: selections and screen readers are left in peace. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

export function setAttribute(element: Element, name: string, value: string): void {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/** Rebuilds what an element holds only when `key` (what it is built from) changed. */
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
