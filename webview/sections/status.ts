import { joined, t } from '../../src/text/l10n.ts';
import { h, Keyed, setAttribute, setText } from '../dom.ts';
import { button, spinner } from '../toolkit.ts';
import type { PanelView } from '../view-model/panel.ts';
import { withStepButtons, withStepNames } from './step-buttons.ts';
import type { Actions, Section } from './section.ts';

/** The state of the run, and the buttons that act on it. */
export class StatusSection implements Section {
  private readonly label = h('span', { class: 'status' });
  private readonly sentence = h('span', { class: 'status-sentence' });
  private readonly next = h('p', { class: 'next' });
  private readonly nextContent = new Keyed(this.next);
  private readonly progress = h('progress', { 'aria-label': t('Training progress') });
  private readonly spinner = spinner(t('Working'));
  private readonly stop;
  private readonly line;
  /** Read by screen readers when the state changes, not at every step. */
  private readonly announcement = h('p', { class: 'visually-hidden', role: 'status' });
  readonly element: HTMLElement;
  private run = '';

  constructor(private readonly actions: Actions) {
    this.stop = button(t('Stop'), () => actions.take({ id: 'cancel', subject: this.run }));
    this.line = h('div', { class: 'status-line' }, this.spinner, this.label, this.sentence, this.stop);
    this.element = h(
      'section',
      { class: 'run-status', 'aria-label': t('State of the run') },
      this.line,
      this.progress,
      this.next,
      this.announcement,
    );
  }

  update({ run, canAct }: PanelView): void {
    this.element.hidden = !run;
    if (!run) return;
    const { status, snapshot } = run;
    this.run = snapshot.spec.id;
    setAttribute(this.element, 'data-status', status.kind);
    setText(this.label, status.label);
    const sentence = withStepNames(status.sentence, canAct);
    const next = status.next ?? '';
    setText(this.sentence, sentence);
    this.nextContent.update([next, canAct], () => withStepButtons(next, canAct, this.actions.take));
    this.next.hidden = !next;
    this.progress.hidden = !status.progress;
    this.progress.max = status.progress?.total ?? 1;
    this.progress.value = status.progress?.done ?? 0;
    this.spinner.hidden = !status.live || status.progress !== undefined;
    this.stop.hidden = !canAct || !status.canStop;
    // Once there is a result, the verdict replaces this line.
    this.line.hidden = status.kind === 'done';
    setText(
      this.announcement,
      joined([
        t('{clause}.', { clause: status.label }),
        ...(next ? [sentence, withStepNames(next, canAct)] : []),
      ]),
    );
  }
}
