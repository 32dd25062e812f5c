/** Formats of data set rows, recognised by their columns. */
import { z } from 'zod';
import { UserError } from '../../text/errors.ts';

export interface Message {
  role: string;
  content: string;
}

/** The training example in a row: a text, or a conversation. */
export type Example = { text: string } | { messages: Message[] };

type Values = Readonly<Record<string, unknown>>;

export interface Format {
  columns: readonly string[];
  /** The example in a row; throws BadValue. */
  read(values: Values): Example;
}

/** The row can't be used; the message says why. */
export class BadValue extends Error {
  override readonly name = 'BadValue';
}

const textFormat = (column: string): Format => ({
  columns: [column],
  read: (values) => ({ text: getString(values, column) }),
});

const pairFormat = (question: string, answer: string): Format => ({
  columns: [question, answer],
  read: (values) => ({
    messages: [
      { role: 'user', content: getString(values, question) },
      { role: 'assistant', content: getString(values, answer) },
    ],
  }),
});

const messagesSchema = z.array(z.object({ role: z.string(), content: z.string() })).min(1);

const conversation: Format = {
  columns: ['messages'],
  read({ messages }) {
    const parsed = messagesSchema.safeParse(messages);
    if (!parsed.success) {
      const [{ path, message }] = parsed.error.issues as [z.core.$ZodIssue];
      throw new BadValue(`${['messages', ...path].join('.')} is not valid (${message})`);
    }
    if (!parsed.data.some(({ role }) => role === 'assistant')) throw new BadValue('it contains no answer');
    return { messages: parsed.data };
  },
};

/** Conversations and pairs, for instruction tuning. */
const instructions: readonly Format[] = [
  conversation,
  /** Magicoder-Evol-Instruct-110K. */
  pairFormat('instruction', 'response'),
  /** MetaMathQA. */
  pairFormat('query', 'response'),
  /** GSM8K. */
  pairFormat('question', 'answer'),
  pairFormat('prompt', 'completion'),
];

/** `content`: StarCoder's data; `text`: OpenWebMath and most others. */
const texts: readonly Format[] = [textFormat('content'), textFormat('text')];

/** All columns that any format reads. */
export const usableColumns: readonly string[] = [
  ...new Set([...instructions, ...texts].flatMap(({ columns }) => columns)),
];

export type Mode = 'pretrain' | 'instruct';

const hasColumns = (format: Format, columns: readonly string[]) =>
  format.columns.every((column) => columns.includes(column));

export const findFormat = (columns: readonly string[], mode: Mode): Format | undefined =>
  (mode === 'instruct' ? instructions : [...texts, ...instructions]).find((format) =>
    hasColumns(format, columns),
  );

/**
 * The format of a data set with these columns. Throws UserError `corpus-unreadable`, which lists them, if none fits.
 */
export function formatFor(columns: readonly string[], mode: Mode, name: string): Format {
  const format = findFormat(columns, mode);
  if (format) return format;
  const list = (formats: readonly Format[]) => formats.map((each) => each.columns.join(' + ')).join('; ');
  const description = `The data set ${name} has the columns ${columns.join(', ') || '(none)'}`;
  if (mode === 'instruct' && texts.some((each) => hasColumns(each, columns)))
    throw new UserError(
      'corpus-unreadable',
      `${description}: text, and no instructions with answers.`,
      `Use --mode pretrain, or a data set with ${list(instructions)}.`,
    );
  throw new UserError(
    'corpus-unreadable',
    `${description}, and none of them can be learned from.`,
    `Rename them to ${list(mode === 'instruct' ? instructions : [...texts, ...instructions])}.`,
  );
}

function getString(values: Values, column: string): string {
  const value = values[column];
  if (typeof value !== 'string') {
    const what = value === undefined ? 'missing' : value === null ? 'null' : `a ${typeof value}`;
    throw new BadValue(`"${column}" is ${what}, not text`);
  }
  if (!value.trim()) throw new BadValue(`"${column}" is empty`);
  return value;
}
