import { t } from '../../src/protocol/l10n.ts';
import { h, Keyed } from '../dom.ts';
import type { PanelView } from '../view-model/panel.ts';
import type { Section } from './section.ts';

/** A line that was not trained on, completed by the base and by the result. */
export class ExampleSection implements Section {
  private readonly holder = h('div');
  private readonly content = new Keyed(this.holder);
  readonly element = h(
    'section',
    { class: 'example' },
    h('h2', {}, t('A held-out line, completed')),
    this.holder,
  );

  update({ run }: PanelView): void {
    const example = run?.snapshot.summary?.example;
    this.element.hidden = !example;
    if (!example) return;
    this.content.update(example, () => [
      h(
        'p',
        { class: 'faint' },
        t('{file}, line {line}: a file that was kept out of training.', {
          file: example.file,
          line: example.line,
        }),
      ),
      h(
        'dl',
        { class: 'completions' },
        ...completion(t('In the file'), example.prefix, example.actual),
        ...completion(t('Base'), example.prefix, example.before),
        ...completion(t('After'), example.prefix, example.after),
      ),
    ]);
  }
}

/** The line before the cursor and, marked, the text after it. */
function completion(name: string, prefix: string, text: string): HTMLElement[] {
  const line = prefix.slice(prefix.lastIndexOf('\n') + 1);
  return [
    h('dt', {}, name),
    h(
      'dd',
      {},
      h(
        'pre',
        { tabindex: '0', role: 'group', 'aria-label': t('{name}: completion', { name }) },
        h('span', {}, line),
        h('mark', {}, text || t('(nothing)')),
      ),
    ),
  ];
}
