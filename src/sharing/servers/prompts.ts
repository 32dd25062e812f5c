/** The texts on which a remote server is compared with the trainer. They are ours: none of the user's code is sent. */
import { withTokenizer } from '../../llama-cpp/tokenizer.ts';

/** Tokens of each text. */
const LENGTH = 40;

const TEXTS = [
  `import { readFile } from 'node:fs/promises';

/** Counts how often each word occurs in a file. */
export async function countWords(path: string): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const word of (await readFile(path, 'utf8')).split(' ')) counts.set(word, 1);
  return counts;
}
`,
  `class Account:
    """A bank account with a balance in cents."""

    def __init__(self, owner: str, balance: int = 0) -> None:
        self.owner = owner
        self.balance = balance

    def withdraw(self, amount: int) -> None:
        if amount > self.balance:
            raise ValueError("not enough money")
        self.balance -= amount
`,
  `The water cycle describes how water moves on, above and below the surface of the Earth. Heat from the sun makes
it evaporate from oceans and lakes; it rises, cools down, and falls again as rain or snow.
`,
];

/** Each as the base's tokens. */
export const checkPrompts = (basePath: string): Promise<Int32Array[]> =>
  withTokenizer(basePath, ({ encode }) => TEXTS.map((text) => encode(text).slice(0, LENGTH)));
