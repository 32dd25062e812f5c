/**
 * Renders conversations with a base's chat template (Jinja, from the GGUF file) into pieces. Only the answers are
 * learned, each including its end token.
 */
import { UserError } from '../../text/errors.ts';
import { BadValue, type Message } from './formats.ts';
import type { Piece } from '../reading/source.ts';
import { renderInProcess, type TemplateValues } from './template-process.ts';

/** The text of a whole conversation. */
type RenderText = (values: TemplateValues) => Promise<string> | string;

/** For a base without a template but with ChatML's tokens. */
const chatMl: RenderText = ({ messages }) =>
  messages.map(({ role, content }) => `<|im_start|>${role}\n${content}<|im_end|>\n`).join('');

/** For any other base: Alpaca's format, with an end token after each answer. */
const plain: RenderText = ({ messages, eos_token: eos }) =>
  messages
    .map(({ role, content }) => {
      if (role === 'user') return `### Instruction:\n${content}\n\n`;
      return role === 'assistant' ? `### Response:\n${content}${String(eos)}\n\n` : `${content}\n\n`;
    })
    .join('');

/** Names of the tokens that end a turn, in the known model families. */
const endNames = new Set([
  '<|im_end|>',
  '<|eot_id|>',
  '<|eom_id|>',
  '<|end_of_text|>',
  '<|endoftext|>',
  '</s>',
  '<end_of_turn>',
  '<|EOT|>',
  '<|end|>',
  '<｜end▁of▁sentence｜>',
  '<|end_of_turn|>',
  '<|return|>',
]);

export type ChatTemplate = Pick<RenderedTemplate, 'name' | 'render'>;

type Metadata = Readonly<Record<string, unknown>>;

/**
 * The template in a GGUF file's metadata, else ChatML if its tokens exist, else a plain one, for example if there is no
 * file (empty metadata). `started`: every document gets the start token later, so the template must not add it.
 * `render`: renders the file's template; replaced in tests. Throws UserError `chat-template` if that exceeds its
 * limits.
 */
export async function loadChatTemplate(
  metadata: Metadata,
  { started = false, render = renderInProcess } = {},
): Promise<ChatTemplate> {
  const tokens = (metadata['tokenizer.ggml.tokens'] ?? []) as readonly string[];
  const specialToken = (key: string) => {
    const id = metadata[`tokenizer.ggml.${key}_token_id`];
    return typeof id === 'number' || typeof id === 'bigint' ? tokens[Number(id)] : undefined;
  };
  const present = new Set(tokens.filter((word) => endNames.has(word) || word === '<|im_start|>'));
  const ends = [
    specialToken('eos'),
    specialToken('eot'),
    ...[...present].filter((word) => endNames.has(word)),
  ];
  const shared = {
    ends: ends.filter((word): word is string => Boolean(word)),
    bos: started ? '' : (specialToken('bos') ?? ''),
    eos: specialToken('eos') ?? '',
  };
  const ownTemplate = metadata['tokenizer.chat_template'];
  if (typeof ownTemplate === 'string' && ownTemplate.trim()) {
    const template = new RenderedTemplate((values) => render(ownTemplate, values), "the base's own", shared);
    if (await template.isSupported()) return template;
  }
  if (present.has('<|im_start|>') && present.has('<|im_end|>'))
    return new RenderedTemplate(chatMl, 'ChatML', shared);
  return new RenderedTemplate(plain, 'plain', shared);
}

interface SpecialTokens {
  ends: string[];
  bos: string;
  eos: string;
}

/** Placeholder for a message in a rendered conversation, made of private-use characters. */
const placeholder = (index: number) => `\u{f0000}${index}\u{f0001}`;
const placeholderPattern = /\u{f0000}(\d+)\u{f0001}/u;

/** The template's own texts and, at odd indices, the indices of the messages between them. */
type Skeleton = readonly string[];

/** Limit of cached skeletons in characters: enough for some thousand short conversations. */
const MAX_CACHED_CHARACTERS = 1_000_000;
/** Memory overhead of a string, in characters. */
const STRING_OVERHEAD = 32;

class RenderedTemplate {
  private readonly end: RegExp;
  private readonly skeletons = new Map<string, Skeleton>();
  private cachedCharacters = 0;

  constructor(
    private readonly write: RenderText,
    /** For display: "the base's own", "ChatML" or "plain". */
    readonly name: string,
    private readonly tokens: SpecialTokens,
  ) {
    const ends = tokens.ends.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
    this.end = new RegExp(`^\\s*(?:${ends.join('|') || '$^'})`);
  }

  /** Whether the library supports this template. Throws UserError `chat-template`. */
  async isSupported(): Promise<boolean> {
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

  /**
   * Throws BadValue for a conversation that the template can't render, and UserError `chat-template` if it takes too
   * much time or memory.
   */
  async render(messages: readonly Message[]): Promise<Piece[]> {
    const [first, second, ...rest] = messages;
    try {
      return await this.renderPieces(messages);
    } catch (error) {
      if (error instanceof UserError) throw error;
      // Some templates don't support a system message; as transformers advises, prepend it to the first question.
      if (first?.role !== 'system' || second?.role !== 'user') throw error;
      return await this.renderPieces([
        { role: 'user', content: `${first.content}\n\n${second.content}` },
        ...rest,
      ]);
    }
  }

  /**
   * Finds what the template adds by rendering the same roles with placeholders in place of messages, and checks that it
   * adds the same to the actual messages.
   */
  private async renderPieces(messages: readonly Message[]): Promise<Piece[]> {
    const fullText = await this.text(messages);
    const pieces = this.align(fullText, await this.getSkeleton(messages), messages);
    if (!pieces) throw new BadValue("the base's chat template changes this conversation");
    if (!pieces.some(({ learned }) => learned)) throw new BadValue('it contains no answer');
    return pieces;
  }

  private async text(messages: readonly Message[]): Promise<string> {
    try {
      return await this.write({
        messages,
        add_generation_prompt: false,
        bos_token: this.tokens.bos,
        eos_token: this.tokens.eos,
        // Llama 3 adds a date. Use the template's default, so that the same data give the same corpus on any day.
        date_string: '26 Jul 2024',
      });
    } catch (error) {
      if (error instanceof UserError) throw error;
      throw new BadValue(`the base's chat template rejects it (${(error as Error).message})`);
    }
  }

  private async getSkeleton(messages: readonly Message[]): Promise<Skeleton> {
    const key = messages.map(({ role }) => role).join('\n');
    const cached = this.skeletons.get(key);
    if (cached) return cached;
    const placeholders = messages.map(({ role }, index) => ({ role, content: placeholder(index) }));
    const skeleton = (await this.text(placeholders)).split(placeholderPattern);
    this.cacheSkeleton(key, skeleton);
    return skeleton;
  }

  /** Caches a skeleton for the next conversation with the same roles. */
  private cacheSkeleton(key: string, skeleton: Skeleton): void {
    const size = skeleton.reduce((sum, text) => sum + text.length + STRING_OVERHEAD, key.length);
    if (this.cachedCharacters + size > MAX_CACHED_CHARACTERS) {
      this.skeletons.clear();
      this.cachedCharacters = 0;
    }
    if (size > MAX_CACHED_CHARACTERS) return;
    this.skeletons.set(key, skeleton);
    this.cachedCharacters += size;
  }

  /**
   * Splits the rendered text along the skeleton, allowing for trimmed messages. Undefined if the text does not match.
   */
  private align(fullText: string, skeleton: Skeleton, messages: readonly Message[]): Piece[] | undefined {
    const pieces: Piece[] = [];
    const add = (text: string, learned: boolean, special: boolean) => {
      if (text) pieces.push({ text, learned, special });
    };
    let at = skeleton[0]!.length;
    if (!fullText.startsWith(skeleton[0]!)) return undefined;
    add(skeleton[0]!, false, true);
    for (let index = 1; index < skeleton.length; index += 2) {
      const { role, content } = messages[Number(skeleton[index])]!;
      const after = skeleton[index + 1]!;
      const variants = [content, content.trim(), content.trimStart(), content.trimEnd()];
      const variant = variants.find((text) => fullText.startsWith(text + after, at));
      if (variant === undefined) return undefined;
      at += variant.length + after.length;
      const learned = role === 'assistant';
      const end = learned ? (this.end.exec(after)?.[0] ?? '') : '';
      add(variant, learned, false);
      add(end, true, true);
      add(after.slice(end.length), false, true);
    }
    return at === fullText.length ? pieces : undefined;
  }
}
