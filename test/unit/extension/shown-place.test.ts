import { describe, expect, it } from 'vitest';
import { ShownPlace } from '../../../src/extension/completion/shown-place.ts';

/** A document in which `|` marks where a completion is shown; the text after it follows. */
class Doc {
  text: string;
  readonly place: ShownPlace;
  constructor(marked: string) {
    const at = marked.indexOf('|');
    this.text = marked.replace('|', '');
    this.place = new ShownPlace(at, at, marked.slice(marked.lastIndexOf('\n', at) + 1, at));
  }
  /** If `old` contains `|`, only the text after it is replaced. */
  replace(old: string, by: string): this {
    const bar = Math.max(0, old.indexOf('|'));
    const plain = old.replace('|', '');
    const offset = this.text.indexOf(plain) + bar;
    const removed = plain.length - bar;
    this.text = this.text.slice(0, offset) + by + this.text.slice(offset + removed);
    this.place.edited({ offset, removed, inserted: by.length });
    return this;
  }
  type(after: string, keys: string): this {
    for (const key of keys) {
      this.replace(`${after}|`, key);
      after += key;
    }
    return this;
  }
  get standing() {
    return this.place.currentText(this.text);
  }
}

describe('the place of a completion', () => {
  const doc = () => new Doc('let a = 1;\n  const b = |;\nend();\n');

  it('has the text typed there, and no more', () => {
    expect(doc().standing).toBe('');
    expect(doc().type('const b = ', 'sum(a)').standing).toBe('sum(a)');
    expect(doc().type('const b = ', 'sum(a)').replace('end', 'finish').standing).toBe('sum(a)');
  });
  it('moves with the text before it', () => {
    const moved = doc().type('const b = ', 'sum(a)').replace('let a = 1;\n', '').replace('  const', 'const');
    expect(moved.standing).toBe('sum(a)');
  });
  it('has the accepted text and what replaced it', () => {
    const taken = doc().replace('const b = |', 'sum(a, c)');
    expect(taken.standing).toBe('sum(a, c)');
    expect(taken.replace('a, c)', '').type('sum(', 'c').standing).toBe('sum(c');
    expect(taken.replace('sum(c', '').standing).toBe('');
    expect(taken.type('const b = ', 'max(c)').standing).toBe('max(c)');
  });
  it('has the rest of a word that the suggestion list rewrote', () => {
    const word = new Doc('x = le|\n');
    expect(word.replace('le', 'length').standing).toBe('ngth');
  });
  it('is lost if the start of the line changes', () => {
    expect(doc().type('const b = ', 'sum').replace('const b', 'const other').standing).toBeUndefined();
    expect(doc().replace('  const b = ', '').standing).toBeUndefined();
  });
});
