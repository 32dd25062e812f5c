/** The extension's completion core as VS Code uses it, as a side of the comparison. */
import {
  createCompleter,
  languageIdOf,
  leastChance,
  type CompleterOptions,
  type PartsSource,
} from '../../src/completion/index.ts';
import { toServer } from '../../src/serving/client/completion-engine.ts';
import type { VirtualClock } from './clock.ts';
import type { Assistant, Place, Suggestion } from './replay.ts';
import type { BenchServer } from './server.ts';
import type { TrainedModel } from './trained.ts';

export interface Variant {
  /** Answers arrive as they are written; else whole. */
  streamed: boolean;
  /** What is filled in begins at a line, so that a key leaves the text after the cursor where it was read. */
  fromLine: boolean;
  /** The prompt is read while the cursor rests at a place. */
  readsAhead: boolean;
  /** Parts of the repository are in the prompt. */
  repository: boolean;
  /** The result that was trained on the repository answers, else the base. */
  trained: boolean;
  /** Least chance of what is shown. */
  least: number;
  /** Further options of the core. */
  core: Partial<CompleterOptions>;
}

/**
 * What is compared. `before`: as it was before suggestions were streamed and unlikely ones left out. `openFiles`: ours
 * without the index of the repository. `trained`: ours with the result of a run. `unpaused`: ours, but a key asks at once.
 */
const ours: Variant = {
  ...{ streamed: true, fromLine: true, readsAhead: true, repository: true },
  ...{ trained: false, least: leastChance.likely, core: { ahead: true } },
};
export const variants = {
  ours,
  openFiles: { ...ours, repository: false },
  trained: { ...ours, trained: true },
  unpaused: { ...ours, core: { ahead: true, debounceMs: 0 } },
  before: {
    ...{ streamed: false, fromLine: false, readsAhead: false, repository: false },
    ...{ trained: false, least: 0, core: { ahead: true } },
  },
} satisfies Record<string, Variant>;

/** What a replay happens in. */
export interface Where {
  /** The repository's name in prompts. */
  repository: string;
  parts: PartsSource;
  /** What was trained on it. */
  trained?: TrainedModel | undefined;
}

/** The default of the setting forgetMeNot.completion.maxTokens. */
const MOST_TOKENS = 64;
const BASE = 'base';

export class CoreAssistant implements Assistant {
  requests = 0;
  private readonly core;
  private readonly model: string;

  constructor(
    server: BenchServer,
    clock: VirtualClock,
    private readonly where: Where,
    private readonly variant: Variant,
  ) {
    const { streamed, fromLine, core } = variant;
    const trained = variant.trained ? where.trained : undefined;
    if (variant.trained && !trained) throw new Error(`Give --run DIR, trained on ${where.repository}.`);
    this.model = trained?.name ?? BASE;
    this.core = createCompleter({
      request: ({ begun = '', ...asked }, signal, onText) => {
        this.requests += 1;
        const prompt = fromLine ? { begun } : { prompt: asked.prompt + begun };
        const body = { ...toServer({ ...asked, ...prompt }), confidence: streamed };
        return clock.work(() =>
          streamed ? server.stream(body, onText, signal) : server.complete(body, signal),
        );
      },
      fillInTheMiddle: () => server.ready.fillInTheMiddle,
      maxTokens: () => MOST_TOKENS,
      now: () => clock.now(),
      sleep: (milliseconds) => clock.sleep(milliseconds),
      // As the extension does it for a base: code models were trained so.
      wholeRepositories: trained?.wholeRepositories ?? true,
      ...(trained?.calibration && { calibration: trained.calibration }),
      ...core,
    });
  }

  rest(place: Place): void {
    if (this.variant.readsAhead) void this.core.readAhead(this.inputAt(place));
  }

  private inputAt({ path, before, after, files }: Place) {
    const { where, variant, model } = this;
    const place = { repository: where.repository, path };
    return {
      ...{ path, languageId: languageIdOf(path), before, after, place, files },
      ...(variant.repository && { parts: where.parts }),
      ...{ least: variant.least, adapter: model },
    };
  }

  async suggest(place: Place, signal: AbortSignal): Promise<Suggestion | undefined> {
    return this.core.complete({ ...this.inputAt(place), signal }).catch((error: unknown) => {
      if (signal.aborted) return undefined;
      throw error;
    });
  }
}
