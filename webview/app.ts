/** Connects host and sections: passes the host's messages to the sections, and their actions to the host. */
import { t } from '../src/text/l10n.ts';
import type { NextStep } from '../src/text/next-step.ts';
import { charts } from './charts/index.ts';
import { ChartCard } from './charts/card.ts';
import { h } from './dom.ts';
import type { Host } from './host.ts';
import { sections } from './sections/index.ts';
import type { Section } from './sections/section.ts';
import { Scrolling } from './scrolling.ts';
import { followSystemTheme, onThemeChange } from './theme.ts';
import { MAX_COMPARED, readPanel, type PanelView } from './view-model/panel.ts';
import { applyMessage, type PanelState } from './view-model/state.ts';
import { readViewState } from './view-state.ts';

/** Milliseconds between redraws without messages, so that a run whose process went silent is noticed. */
const CLOCK_MS = 15_000;

export function startPanel(root: HTMLElement, host: Host): void {
  if (!host.canAct) followSystemTheme();
  let state: PanelState | undefined;
  const kept = readViewState(host.kept());
  let selected = kept.run;
  let comparedIds: readonly string[] = kept.compared;
  let frame = 0;

  const actions = {
    select(run: string) {
      // The compared runs stay, except that the old selection replaces the new one among them.
      const old = selected ?? root.dataset['run'];
      comparedIds = comparedIds.map((id) => (id === run && old ? old : id));
      selected = run;
      host.post({ type: 'select', run });
      render();
    },
    compareWith(runs: string[]) {
      comparedIds = runs;
      render();
    },
    changed: () => saveState(),
    useForCompletion: (run: string) => host.post({ type: 'useForCompletion', run }),
    completeUntuned: () => host.post({ type: 'completeUntuned' }),
    setStrength: (run: string, strength: number) => host.post({ type: 'strength', run, strength }),
    take: (step: NextStep) => host.post({ type: 'step', step }),
  };
  const { top, middle, detailed, comparison } = sections(actions, kept.filter);
  const cardOf = (view: (typeof charts)[number]) =>
    new ChartCard(view, host, { run: kept.run ?? '', card: kept.cards[view.id] }, saveState);
  const cardsOf = (open: boolean) => charts.filter((view) => Boolean(view.open) === open).map(cardOf);
  const [first, others] = [cardsOf(true), cardsOf(false)];
  const grids = [
    { cards: first, grid: grid(t('Learning and forgetting'), first) },
    { cards: others, grid: grid(t('More charts'), others) },
  ] as const;
  const elements = (all: readonly Section[]) => all.map(({ element }) => element);
  const details = h(
    'details',
    { class: 'more' },
    h('summary', {}, t('Details: more charts, settings, files')),
    grids[1].grid,
    ...elements(detailed),
  );
  details.open = kept.details;
  details.addEventListener('toggle', () => render());
  root.replaceChildren(h('main', {}, ...elements(top), grids[0].grid, ...elements(middle), details));
  const open: Section[] = [...top, ...first, ...middle];
  const closed: Section[] = [...others, ...detailed];

  function render(): void {
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(draw);
  }
  function draw(): void {
    if (!state) return;
    const view = readPanel(state, { selected, compared: comparedIds }, host.now(), host.canAct);
    root.dataset['run'] = view.run?.id ?? '';
    // The cards of a hidden grid would be drawn without a size.
    for (const { grid } of grids) grid.hidden = false;
    details.hidden = !view.run;
    for (const section of details.open ? [...open, ...closed] : open) section.update(view);
    for (const { cards, grid } of grids) grid.hidden = cards.every(({ element }) => element.hidden);
    requestEvents(view);
    askToCompare(view);
    scrolling.restore();
    saveState();
  }

  const scrolling = new Scrolling(kept.scroll, () => saveState());
  /** Does nothing until a run is shown, so that the stored state is not overwritten before it is used. */
  function saveState(): void {
    const run = root.dataset['run'];
    if (!run) return;
    const cards = Object.fromEntries([...first, ...others].map((card) => [card.id, card.state]));
    const { filter } = comparison;
    host.keep({
      run,
      compared: [...comparedIds],
      filter,
      scroll: scrolling.at,
      details: details.open,
      cards,
    });
  }

  let lastShown = '';
  /** The host keeps and sends events only for shown runs. */
  function requestEvents({ shown }: PanelView): void {
    const runs = shown.map(({ id }) => id);
    if (runs.join() === lastShown) return;
    lastShown = runs.join();
    host.post({ type: 'show', runs });
  }

  let compared = '';
  let asked: string[] | undefined;
  /** Requests a comparison once each time that runs are chosen, and again when one of them has been evaluated. */
  function askToCompare({ shown }: PanelView): void {
    const key = JSON.stringify(
      shown.map(({ id, snapshot }) => [id, snapshot.summary?.step, snapshot.summary?.sentence]),
    );
    const isNew = key !== compared;
    compared = key;
    if (shown.length < 2 || !isNew) return;
    asked = shown.map(({ id }) => id);
    host.post({ type: 'compare', runs: asked });
  }

  let lastAsked: string | undefined;
  host.onMessage((message) => {
    const next = applyMessage(state, message, asked);
    // A message was missed: request everything again.
    if (!next) return host.post({ type: 'ready' });
    // A report of several runs shows them side by side.
    if (!state && !host.canAct) comparedIds = next.runs.slice(1, MAX_COMPARED + 1).map(({ spec }) => spec.id);
    // The host's selection applies when it changes; otherwise the user's selection stays.
    if (next.selected !== lastAsked) selected = next.selected;
    lastAsked = next.selected;
    state = next;
    render();
  });
  onThemeChange(render);
  if (host.canAct) setInterval(render, CLOCK_MS);
  host.post({ type: 'ready' });
}

const grid = (label: string, cards: readonly Section[]) =>
  h('section', { class: 'charts', 'aria-label': label }, ...cards.map(({ element }) => element));
