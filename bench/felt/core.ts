/** The extension's completion core as VS Code uses it, as a side of the comparison. */
import {
  createCompleter,
  languageIdOf,
  leastChance,
  type CompleterOptions,
} from '../../src/completion/index.ts';
import type { VirtualClock } from './clock.ts';
import type { Assistant, Place, Suggestion } from './replay.ts';
import type { BenchServer } from './server.ts';

export interface Variant {
  /** Answers arrive as they are written; else whole. */
  streamed: boolean;
  /** What is filled in begins at a line, so that a key leaves the text after the cursor where it was read. */
  fromLine: boolean;
  /** The prompt is read while the cursor rests at a place. */
  readsAhead: boolean;
  /** Least chance of what is shown. */
  least: number;
  /** Further options of the core. */
  core: Partial<CompleterOptions>;
}

/**
 * What is compared. `before`: as it was before suggestions were streamed and unlikely ones left out. An option that
 * turns off something newer (an index of the repository, speculation) belongs here too.
 */
export const variants = {
  ours: {
    streamed: true,
    fromLine: true,
    readsAhead: true,
    least: leastChance.likely,
    core: { ahead: true },
  },
  before: { streamed: false, fromLine: false, readsAhead: false, least: 0, core: { ahead: true } },
} satisfies Record<string, Variant>;

/** The default of the setting forgetMeNot.completion.maxTokens. */
const MOST_TOKENS = 64;
const MODEL = 'base';

export class CoreAssistant implements Assistant {
  requests = 0;
  private readonly core;

  constructor(
    server: BenchServer,
    clock: VirtualClock,
    repository: string,
    { streamed, fromLine, readsAhead, least, core }: Variant,
  ) {
    this.repository = repository;
    this.least = least;
    this.readsAhead = readsAhead;
    this.core = createCompleter({
      request: ({ maxTokens, context, prompt, begun = '', ...rest }, signal, onText) => {
        this.requests += 1;
        const body = {
          ...rest,
          ...(fromLine ? { prompt, begun } : { prompt: prompt + begun }),
          ...(context && { context: [...context] }),
          max_tokens: maxTokens,
          confidence: streamed,
        };
        return clock.work(() =>
          streamed ? server.stream(body, onText, signal) : server.complete(body, signal),
        );
      },
      fillInTheMiddle: () => server.ready.fillInTheMiddle,
      maxTokens: () => MOST_TOKENS,
      now: () => clock.now(),
      sleep: (milliseconds) => clock.sleep(milliseconds),
      ...core,
    });
  }

  private readonly repository: string;
  private readonly least: number;
  private readonly readsAhead: boolean;

  rest(place: Place): void {
    if (this.readsAhead) void this.core.readAhead(this.inputAt(place));
  }

  private inputAt({ path, before, after, files }: Place) {
    const { repository, least } = this;
    const input = { path, languageId: languageIdOf(path), before, after, place: { repository, path } };
    return { ...input, files, least, adapter: MODEL };
  }

  async suggest(place: Place, signal: AbortSignal): Promise<Suggestion | undefined> {
    return this.core.complete({ ...this.inputAt(place), signal }).catch((error: unknown) => {
      if (signal.aborted) return undefined;
      throw error;
    });
  }
}
