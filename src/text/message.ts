/**
 * English that remembers the values it was made of: whoever shows it can translate it. Processes and files tell the
 * finished English, for programs and people that read them, and beside it what it was made of.
 */
import { z } from 'zod';

/** `message` is English with `{0}`, `{1}` ... in the places of its values, and the key of its translations. */
export interface Message {
  message: string;
  values: Record<string, Value>;
}
type Value = string | number | Message;
/** A string is shown as it is: others' words, or what an earlier version wrote. */
export type Text = string | Message;

/** msg`${path} can't be read.`: the test finds it by this name and asks for its translations. */
export const msg = (parts: TemplateStringsArray, ...values: Value[]): Message => ({
  message: parts.reduce((text, part, at) => `${text}{${at - 1}}${part}`),
  values: Object.fromEntries(values.entries()),
});

/** Texts one after the other. */
export const together = (texts: readonly Text[], separator = ' '): Message => ({
  message: texts.map((_, at) => `{${at}}`).join(separator),
  values: Object.fromEntries(texts.entries()),
});

/** `text` with `{name}` filled in; a value that is a sentence loses its full stop where the text goes on with one. */
export const fill = (text: string, values: Readonly<Record<string, string | number>>): string =>
  text.replace(/\{(\w+)\}(?=([.;](?!\S)|[。；])?)/g, (placeholder, name: string, sign?: string) => {
    if (!Object.hasOwn(values, name)) return placeholder;
    const value = String(values[name]);
    return sign ? value.replace(/[.。]$/, '') : value;
  });

export const english = (text: Text): string => (typeof text === 'string' ? text : filled(text, english));

/** `translated` is the message in another language, `say` gives its values in it. */
export const filled = (
  { message, values }: Message,
  say: (value: Text) => string,
  translated = message,
): string =>
  fill(
    translated,
    Object.fromEntries(
      Object.entries(values).map(([name, value]) => [
        name,
        say(typeof value === 'number' ? String(value) : value),
      ]),
    ),
  );

/** With the value of a placeholder that was not known where the text was made, such as `{resume}`. */
export function withValue(text: Text, name: string, value: string): Text {
  if (typeof text === 'string') return text.replace(`{${name}}`, value);
  const within = Object.entries(text.values).map(([key, one]) => [
    key,
    typeof one === 'object' ? withValue(one, name, value) : one,
  ]);
  return { ...text, values: { ...Object.fromEntries(within), [name]: value } };
}

const DEEPEST = 5;
const messageSchema = Array.from({ length: DEEPEST }).reduce<z.ZodType<Message>>(
  (inner) =>
    z.object({ message: z.string(), values: z.record(z.string(), z.union([z.string(), z.number(), inner])) }),
  z.never(),
);
/** Of a record with texts: by the name of a field, what its English was made of. */
export const textsSchema = z.record(z.string(), messageSchema).optional().catch(undefined);
export type Texts = z.infer<typeof textsSchema>;

/** Fields of a record that is sent or written: in English, and beside it what that was made of. */
export function told<F extends Record<string, Text | undefined>>(
  fields: F,
): { [K in keyof F]: undefined extends F[K] ? string | undefined : string } & { texts?: Texts } {
  const all = Object.entries(fields);
  const texts = all.filter((entry): entry is [string, Message] => typeof entry[1] === 'object');
  const inEnglish = all.map(([name, text]) => [name, text === undefined ? text : english(text)]);
  return { ...Object.fromEntries(inEnglish), ...(texts.length && { texts: Object.fromEntries(texts) }) };
}

/** A field of a record that `told` made. Its English counts if that was changed afterwards. */
export function textOf<R extends { readonly texts?: Texts }, K extends keyof R & string>(
  record: R,
  field: K,
): Text | R[K] {
  const text = record.texts?.[field];
  return text && english(text) === record[field] ? text : record[field];
}

/** As `told` and `textOf`, for a field with several texts. */
export const toldAll = (texts: readonly Text[]): { warnings: string[]; texts?: Texts } => {
  const { texts: made, ...said } = told(
    Object.fromEntries<Text>(texts.entries() as Iterable<[PropertyKey, Text]>),
  );
  return { warnings: Object.values(said), texts: made };
};
