/**
 * Translatable messages: English texts that remember their values, so that they can be translated where they are shown.
 * Messages between processes and files contain the finished English for their readers, along with these parts.
 */
import { z } from 'zod';

/** `message` is the English text with placeholders `{0}`, `{1}` ... for its values, and the key of its translations. */
export interface Message {
  message: string;
  values: Record<string, Value>;
}
type Value = string | number | Message;
/** A string is shown unchanged: foreign text, or written by an earlier version. */
export type Text = string | Message;

/** msg`${path} can't be read.`; a test finds all uses and checks their translations. */
export const msg = (parts: TemplateStringsArray, ...values: Value[]): Message => ({
  message: parts.reduce((text, part, at) => `${text}{${at - 1}}${part}`),
  values: Object.fromEntries(values.entries()),
});

export const joinTexts = (texts: readonly Text[], separator = ' '): Message => ({
  message: texts.map((_, at) => `{${at}}`).join(separator),
  values: Object.fromEntries(texts.entries()),
});

/** Fills in `{name}` placeholders. A value's full stop is dropped where the text continues with one. */
export const fill = (text: string, values: Readonly<Record<string, string | number>>): string =>
  text.replace(/\{(\w+)\}(?=([.;](?!\S)|[。；])?)/g, (placeholder, name: string, sign?: string) => {
    if (!Object.hasOwn(values, name)) return placeholder;
    const value = String(values[name]);
    return sign ? value.replace(/[.。]$/, '') : value;
  });

export const english = (text: Text): string => (typeof text === 'string' ? text : filled(text, english));

/** Fills in a message. `translated` is its text in another language, `say` translates its values. */
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

/** Fills in a placeholder that was not known when the text was created, such as `{resume}`. */
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
/** The messages that a record's English fields were made from, by field name. */
export const textsSchema = z.record(z.string(), messageSchema).optional().catch(undefined);
export type Texts = z.infer<typeof textsSchema>;

/** Serialises the texts of a record to be sent or written: fields in English, plus `texts` for their translation. */
export function withTexts<F extends Record<string, Text | undefined>>(
  fields: F,
): { [K in keyof F]: undefined extends F[K] ? string | undefined : string } & { texts?: Texts } {
  const all = Object.entries(fields);
  const texts = all.filter((entry): entry is [string, Message] => typeof entry[1] === 'object');
  const inEnglish = all.map(([name, text]) => [name, text === undefined ? text : english(text)]);
  return { ...Object.fromEntries(inEnglish), ...(texts.length && { texts: Object.fromEntries(texts) }) };
}

/** Restores a field serialised by `withTexts`. If its English was changed afterwards, that is used. */
export function textOf<R extends { readonly texts?: Texts }, K extends keyof R & string>(
  record: R,
  field: K,
): Text | R[K] {
  const text = record.texts?.[field];
  return text && english(text) === record[field] ? text : record[field];
}

/** Like `withTexts` and `textOf`, for a field with several texts. */
export const withAllTexts = (texts: readonly Text[]): { warnings: string[]; texts?: Texts } => {
  const { texts: made, ...said } = withTexts(
    Object.fromEntries<Text>(texts.entries() as Iterable<[PropertyKey, Text]>),
  );
  return { warnings: Object.values(said), texts: made };
};
