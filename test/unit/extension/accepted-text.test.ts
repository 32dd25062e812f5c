import { describe, expect, it } from 'vitest';
import { AcceptedText } from '../../../src/extension/completion/accepted-text.ts';

/** A document in which `[` and `]` enclose the accepted text. */
class Doc {
  text: string;
  readonly accepted: AcceptedText;
  constructor(marked: string) {
    const [begin, end] = [marked.indexOf('['), marked.indexOf(']') - 1];
    this.text = marked.replace('[', '').replace(']', '');
    this.accepted = new AcceptedText(begin, this.text.slice(begin, end));
  }
  replace(old: string, by: string): this {
    const offset = this.text.indexOf(old);
    this.text = this.text.slice(0, offset) + by + this.text.slice(offset + old.length);
    this.accepted.edited({ offset, removed: old.length, inserted: by.length });
    return this;
  }
  get kept() {
    return this.accepted.keptCharacters(this.text) !== undefined;
  }
}

describe('an accepted text', () => {
  const doc = () => new Doc('let a = 1;\nfor (const b of [list) push(b);]\nend();\n');

  it('counts as kept if unchanged or moved', () => {
    expect(doc().kept).toBe(true);
    expect(doc().replace('let a = 1;\n', '').kept).toBe(true);
    expect(doc().replace('let', 'import x;\nlet').replace('end', 'finish').kept).toBe(true);
  });
  it('counts as kept with a word changed, or reformatted', () => {
    expect(doc().replace('push(b)', 'add(b)').kept).toBe(true);
    expect(doc().replace('list) push(b);', 'list) {\n  push(b);\n}').kept).toBe(true);
    const whole = doc();
    expect(whole.replace(whole.text, whole.text.replace(/ /g, '  ')).kept).toBe(true);
  });
  it('does not count as kept if undone, emptied or replaced', () => {
    expect(doc().replace('list) push(b);', '').kept).toBe(false);
    expect(doc().replace('for (const b of list) push(b);\n', '').kept).toBe(false);
    expect(doc().replace('list) push(b);', 'Object.keys(map)) { console.log(b); }').kept).toBe(false);
  });
  it('is not found elsewhere', () => {
    const twice = new Doc('push(b);\n[push(b);]\n');
    twice.replace('\npush(b);', '\n');
    expect(twice.text).toContain('push(b);');
    expect(twice.kept).toBe(false);
  });
});
