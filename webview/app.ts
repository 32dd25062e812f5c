/** Holds the sections together: a snapshot comes in, each section takes from it what it shows. */
import type { ToPanel } from '../src/protocol/panel.ts';
import { charts } from './charts/index.ts';
import { ChartCard } from './charts/card.ts';
import { h } from './dom.ts';
import type { Host } from './host.ts';
import { sections } from './sections/index.ts';
import type { Section } from './sections/section.ts';
import { followSystemTheme, onThemeChange } from './theme.ts';
import { readPanel } from './view-model/panel.ts';

/** A run whose owner went silent is noticed without a message: the clock is looked at this often. */
const CLOCK_MS = 15_000;

export function startPanel(root: HTMLElement, host: Host): void {
  if (!host.canAct) followSystemTheme();
  let message: ToPanel | undefined;
  let selected: string | undefined;
  let frame = 0;

  const actions = {
    select(run: string) {
      selected = run;
      host.post({ type: 'select', run });
      render();
    },
    stop: (run: string) => host.post({ type: 'stop', run }),
    useForCompletion: (run: string) => host.post({ type: 'useForCompletion', run }),
  };
  const cards: Section[] = charts.map((view) => new ChartCard(view, host));
  const { top, bottom } = sections(actions);
  const grid = h(
    'section',
    { class: 'charts', 'aria-label': 'Charts' },
    ...cards.map(({ element }) => element),
  );
  root.replaceChildren(
    h('main', {}, ...top.map(({ element }) => element), grid, ...bottom.map(({ element }) => element)),
  );
  const all = [...top, ...cards, ...bottom];

  function render(): void {
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(draw);
  }
  function draw(): void {
    if (!message) return;
    const view = readPanel(message, selected, host.now(), host.canAct);
    root.dataset['run'] = view.run?.snapshot.spec.id ?? '';
    for (const section of all) section.update(view);
    grid.hidden = cards.every(({ element }) => element.hidden);
  }

  let lastAsked: string | undefined;
  host.onMessage((next) => {
    // The host's choice counts when it changes; between two of its messages the person's does.
    if (next.selected !== lastAsked) selected = next.selected;
    lastAsked = next.selected;
    message = next;
    render();
  });
  onThemeChange(render);
  if (host.canAct) setInterval(render, CLOCK_MS);
  host.post({ type: 'ready' });
}
