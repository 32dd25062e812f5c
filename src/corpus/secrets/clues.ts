/** Finds which of many words a text contains, in one pass over it: Aho and Corasick's automaton. */

export class Clues {
  /** For each state and kind of character, the next state. */
  readonly #next: Uint16Array;
  /** For each character below 128, its kind; 0 for those in no word. Capitals are as small letters. */
  readonly #kinds = new Uint8Array(128);
  readonly #width: number;
  /** States in which words have just been read. */
  readonly #ends: [state: number, words: string[]][];

  /** `words`: of ASCII, in lower case. */
  constructor(words: readonly string[]) {
    const characters = [...new Set(words.join(''))];
    for (const [at, character] of characters.entries())
      for (const form of [character, character.toUpperCase()]) this.#kinds[form.charCodeAt(0)] = at + 1;
    this.#width = characters.length + 1;
    const children: number[][] = [[]];
    const read: string[][] = [[]];
    for (const word of new Set(words)) {
      let state = 0;
      for (const character of word) {
        const kind = this.#kinds[character.charCodeAt(0)]!;
        state = children[state]![kind] ??= children.push([]) && read.push([]) - 1;
      }
      read[state]!.push(word);
    }
    this.#next = new Uint16Array(children.length * this.#width);
    this.#connect(children, read);
    this.#ends = [...read.entries()].filter(([, found]) => found.length > 0);
  }

  /** Where a state has no child, it goes on as the state of its longest end that begins a word, too. */
  #connect(children: number[][], read: string[][]): void {
    const shorter = new Uint16Array(children.length);
    const queue = [0];
    for (const state of queue) {
      for (let kind = 1; kind < this.#width; kind += 1) {
        const child = children[state]![kind];
        const other = state === 0 ? 0 : this.#next[shorter[state]! * this.#width + kind]!;
        this.#next[state * this.#width + kind] = child ?? other;
        if (child === undefined) continue;
        shorter[child] = other;
        read[child]!.push(...read[other]!);
        queue.push(child);
      }
    }
  }

  /** The words that the text contains, in capitals or small letters. */
  within(text: string): ReadonlySet<string> {
    const visited = new Uint8Array(this.#next.length / this.#width);
    let state = 0;
    for (let at = 0; at < text.length; at += 1) {
      const code = text.charCodeAt(at);
      state = this.#next[state * this.#width + (code < 128 ? this.#kinds[code]! : 0)]!;
      visited[state] = 1;
    }
    return new Set(this.#ends.flatMap(([end, words]) => (visited[end] ? words : [])));
  }
}
