/** Whether the edit where the cursor is belongs to what is offered. */
import { expect, it } from 'vitest';
import { Editor } from './help.ts';

const shape = `row.alpha = parse_field(data, "alpha")
row.beta = parse_field(data, "beta")
row.gamma = parse_field(data, "gamma")
log(row)
`;
const lines = `if check_the_value(item, limits, options):
if check_the_value(item, limits, options):
log(row)
`;
const call = 'send_mail(a)\nsend_mail(b)\nsend_mail(c)\nlog(row)\n';

it.each([
  [
    'a renamed name',
    call,
    (editor: Editor) => editor.edit('a.py', 'send_mail', 'post').edit('a.py', 'send_mail', 'post'),
  ],
  [
    'an added argument',
    call,
    (editor: Editor) => editor.edit('a.py', '(a', '(a, now').edit('a.py', '(b', '(b, now'),
  ],
  [
    'lines of the same shape',
    shape,
    (editor: Editor) =>
      editor.edit('a.py', '"alpha")', '"alpha", row.alpha)').edit('a.py', '"beta")', '"beta", row.beta)'),
  ],
  [
    'a deletion at the end of a line',
    'a = read(1).strip()\nb = read(2).strip()\nc = read(3).strip()\nlog(row)\n',
    (editor: Editor) => editor.edit('a.py', '.strip()', '').edit('a.py', '.strip()', ''),
  ],
  [
    'the same lines',
    lines,
    (editor: Editor) => editor.edit('a.py', 'item, limits, options', 'limits, item, options'),
  ],
])('it does with %s, from each line of it, and not from another line that was edited', (_, text, make) => {
  const editor = make(new Editor({ 'a.py': text }));
  const isContinued = ({ offers, continued }: Editor['found']) => continued.includes(offers[0]!.pattern);
  expect(isContinued(editor.found)).toBe(true);
  expect(isContinued(editor.foundFrom({ path: 'a.py', place: 3 }))).toBe(true);
  editor.edit('a.py', 'log(row', 'log(rows');
  expect(isContinued(editor.found)).toBe(false);
});

it('does not where a line was begun below it', () => {
  const editor = new Editor({ 'a.py': 'def load(item):\n    pass\nx = load(1)\n' }).edit(
    'a.py',
    'load',
    'read',
  );
  const { pattern } = editor.offers[0]!;
  expect(editor.found.continued).toEqual([pattern]);
  editor.edit('a.py', '\n', '\n    other\n', 'read(item):');
  const { offers, continued } = editor.foundFrom({
    path: 'a.py',
    place: editor.text('a.py').indexOf('other'),
  });
  expect([offers.map((offer) => offer.pattern), continued]).toEqual([[pattern], []]);
});
