/**
 * Renders conversations with a base's own chat template (Jinja, in the GGUF file) into pieces. Only the answers are
 * learned, each with the token that ends it.
 */
import { UserError } from '../../text/errors.ts';
import { BadValue, type Message } from './formats.ts';
import type { Piece } from '../reading/source.ts';
import { renderApart, type TemplateValues } from './template-process.ts';

export interface ChatTemplate {
  /** For people: "the base's own", "ChatML" or "plain". */
  name: string;
  /**
   * Throws BadValue for a conversation that the template can't render, and UserError `chat-template` if it takes too much
   * time or memory.
   */
  render(messages: readonly Message[]): Promise<Piece[]>;
}

/** The text of a whole conversation. */
type Write = (values: TemplateValues) => Promise<string> | string;

/** For a base that has no template but has ChatML's tokens. */
const chatMl: Write = ({ messages }) =>
  messages.map(({ role, content }) => `<|im_start|>${role}\n${content}<|im_end|>\n`).join('');

/** For any other base: Alpaca's format with an end token after each answer. */
const plain: Write = ({ messages, eos_token: eos }) =>
  messages
    .map(({ role, content }) => {
      if (role === 'user') return `### Instruction:\n${content}\n\n`;
      return role === 'assistant' ? `### Response:\n${content}${String(eos)}\n\n` : `${content}\n\n`;
    })
    .join('');

/** Names of the tokens that end a turn, in the known model families. */
const endNames = new Set([
  ...['<|im_end|>', '<|eot_id|>', '<|eom_id|>', '<|end_of_text|>', '<|endoftext|>', '</s>', '<end_of_turn>'],
  ...['<|EOT|>', '<|end|>', '<｜end▁of▁sentence｜>', '<|end_of_turn|>', '<|return|>'],
]);

type Metadata = Readonly<Record<string, unknown>>;

/**
 * The template in a GGUF file's metadata, else ChatML if its tokens exist, else a plain one, also without a file (empty
 * metadata). `started`: every document gets the start token later, so the template must not add it. `render`: renders the
 * file's template; for tests. Throws UserError `chat-template` if that takes too much time or memory.
 */
export async function chatTemplateOf(
  metadata: Metadata,
  { started = false, render = renderApart } = {},
): Promise<ChatTemplate> {
  const words = (metadata['tokenizer.ggml.tokens'] ?? []) as readonly string[];
  const named = (key: string) => {
    const id = metadata[`tokenizer.ggml.${key}_token_id`];
    return typeof id === 'number' || typeof id === 'bigint' ? words[Number(id)] : undefined;
  };
  const known = new Set(words.filter((word) => endNames.has(word) || word === '<|im_start|>'));
  const ends = [named('eos'), named('eot'), ...[...known].filter((word) => endNames.has(word))];
  const shared = {
    ends: ends.filter((word): word is string => Boolean(word)),
    bos: started ? '' : (named('bos') ?? ''),
    eos: named('eos') ?? '',
  };
  const own = metadata['tokenizer.chat_template'];
  if (typeof own === 'string' && own.trim()) {
    const template = new Rendering((values) => render(own, values), "the base's own", shared);
    if (await template.works()) return template;
  }
  if (known.has('<|im_start|>') && known.has('<|im_end|>')) return new Rendering(chatMl, 'ChatML', shared);
  return new Rendering(plain, 'plain', shared);
}

interface Words {
  ends: string[];
  bos: string;
  eos: string;
}

/** Placeholder for a message in a rendered conversation, of private-use characters that nobody writes. */
const placeOf = (index: number) => `\u{f0000}${index}\u{f0001}`;
const place = /\u{f0000}(\d+)\u{f0001}/u;

/** The template's texts and, at odd indexes, the numbers of the messages between them. */
type Skeleton = readonly string[];

/** Characters that skeletons may take; room for those of some thousand short conversations. */
const MOST_KEPT = 1_000_000;
/** What a string takes besides its characters. */
const STRING_OVERHEAD = 32;

class Rendering implements ChatTemplate {
  private readonly end: RegExp;
  private readonly skeletons = new Map<string, Skeleton>();
  private kept = 0;

  constructor(
    private readonly write: Write,
    readonly name: string,
    private readonly words: Words,
  ) {
    const ends = words.ends.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
    this.end = new RegExp(`^\\s*(?:${ends.join('|') || '$^'})`);
  }

  /** Whether it is one that the library supports. Throws UserError `chat-template`. */
  async works(): Promise<boolean> {
    try {
      const pieces = await this.render([
        { role: 'user', content: 'Question' },
        { role: 'assistant', content: 'Answer' },
      ]);
      return pieces.some(({ text, learned }) => learned && text === 'Answer');
    } catch (error) {
      if (error instanceof UserError) throw error;
      return false;
    }
  }

  async render(messages: readonly Message[]): Promise<Piece[]> {
    const [first, second, ...rest] = messages;
    try {
      return await this.inPieces(messages);
    } catch (error) {
      if (error instanceof UserError) throw error;
      // Some templates have no system message; as transformers advises, put it before the first question.
      if (first?.role !== 'system' || second?.role !== 'user') throw error;
      return await this.inPieces([
        { role: 'user', content: `${first.content}\n\n${second.content}` },
        ...rest,
      ]);
    }
  }

  /**
   * Finds what the template adds by rendering the same roles with placeholders instead of messages, and checks that it
   * adds the same to the messages themselves.
   */
  private async inPieces(messages: readonly Message[]): Promise<Piece[]> {
    const whole = await this.text(messages);
    const pieces = this.align(whole, await this.skeletonOf(messages), messages);
    if (!pieces) throw new BadValue("the base's chat template changes this conversation");
    if (!pieces.some(({ learned }) => learned)) throw new BadValue('it contains no answer');
    return pieces;
  }

  private async text(messages: readonly Message[]): Promise<string> {
    try {
      return await this.write({
        messages,
        add_generation_prompt: false,
        bos_token: this.words.bos,
        eos_token: this.words.eos,
        // Llama 3 adds a date. The same data must give the same corpus on any day, so use the template's default date.
        date_string: '26 Jul 2024',
      });
    } catch (error) {
      if (error instanceof UserError) throw error;
      throw new BadValue(`the base's chat template rejects it (${(error as Error).message})`);
    }
  }

  private async skeletonOf(messages: readonly Message[]): Promise<Skeleton> {
    const key = messages.map(({ role }) => role).join('\n');
    const known = this.skeletons.get(key);
    if (known) return known;
    const places = messages.map(({ role }, index) => ({ role, content: placeOf(index) }));
    const skeleton = (await this.text(places)).split(place);
    this.keep(key, skeleton);
    return skeleton;
  }

  /** For the next conversation of the same roles. */
  private keep(key: string, skeleton: Skeleton): void {
    const size = skeleton.reduce((sum, text) => sum + text.length + STRING_OVERHEAD, key.length);
    if (this.kept + size > MOST_KEPT) {
      this.skeletons.clear();
      this.kept = 0;
    }
    if (size > MOST_KEPT) return;
    this.skeletons.set(key, skeleton);
    this.kept += size;
  }

  /**
   * Splits the rendered text along the skeleton; a template may trim messages. Undefined if the text does not match.
   */
  private align(whole: string, skeleton: Skeleton, messages: readonly Message[]): Piece[] | undefined {
    const pieces: Piece[] = [];
    const add = (text: string, learned: boolean, special: boolean) => {
      if (text) pieces.push({ text, learned, special });
    };
    let at = skeleton[0]!.length;
    if (!whole.startsWith(skeleton[0]!)) return undefined;
    add(skeleton[0]!, false, true);
    for (let index = 1; index < skeleton.length; index += 2) {
      const { role, content } = messages[Number(skeleton[index])]!;
      const after = skeleton[index + 1]!;
      const forms = [content, content.trim(), content.trimStart(), content.trimEnd()];
      const form = forms.find((text) => whole.startsWith(text + after, at));
      if (form === undefined) return undefined;
      at += form.length + after.length;
      const learned = role === 'assistant';
      const end = learned ? (this.end.exec(after)?.[0] ?? '') : '';
      add(form, learned, false);
      add(end, true, true);
      add(after.slice(end.length), false, true);
    }
    return at === whole.length ? pieces : undefined;
  }
}
