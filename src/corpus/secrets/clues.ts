/** Finds which of many words a text contains, in one pass: an Aho-Corasick automaton. */

export class Clues {
  /** The next state, by state and character class. */
  readonly #next: Uint16Array;
  /** The class of each ASCII character, case-insensitive; 0 for those in no word. */
  readonly #kinds = new Uint8Array(128);
  readonly #width: number;
  /** Accepting states with the words they complete. */
  readonly #ends: [state: number, words: string[]][];

  /** `words`: ASCII, in lower case. */
  constructor(words: readonly string[]) {
    const characters = [...new Set(words.join(''))];
    for (const [at, character] of characters.entries())
      for (const variant of [character, character.toUpperCase()]) this.#kinds[variant.charCodeAt(0)] = at + 1;
    this.#width = characters.length + 1;
    const children: number[][] = [[]];
    const ending: string[][] = [[]];
    for (const word of new Set(words)) {
      let state = 0;
      for (const character of word) {
        const kind = this.#kinds[character.charCodeAt(0)]!;
        state = children[state]![kind] ??= children.push([]) && ending.push([]) - 1;
      }
      ending[state]!.push(word);
    }
    this.#next = new Uint16Array(children.length * this.#width);
    this.#connect(children, ending);
    this.#ends = [...ending.entries()].filter(([, found]) => found.length > 0);
  }

  /**
   * Adds failure links: a state without a child continues like its longest proper suffix that is a prefix of a word.
   */
  #connect(children: number[][], ending: string[][]): void {
    const shorter = new Uint16Array(children.length);
    const queue = [0];
    for (const state of queue) {
      for (let kind = 1; kind < this.#width; kind += 1) {
        const child = children[state]![kind];
        const other = state === 0 ? 0 : this.#next[shorter[state]! * this.#width + kind]!;
        this.#next[state * this.#width + kind] = child ?? other;
        if (child === undefined) continue;
        shorter[child] = other;
        ending[child]!.push(...ending[other]!);
        queue.push(child);
      }
    }
  }

  /** The words that the text contains, case-insensitively. */
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
