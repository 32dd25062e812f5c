/** The extension's completion core as VS Code uses it, as a side of the comparison. */
import {
  createCompleter,
  languageIdForPath,
  leastChance,
  type CompleterOptions,
  type PartsSource,
} from '../../src/completion/index.ts';
import { BASE_MODEL } from '../../src/protocol/server.ts';
import { toServerRequest } from '../../src/serving/client/completion-client.ts';
import type { Adapter, Adapters } from './adapters.ts';
import type { Answers } from './answers.ts';
import type { VirtualClock } from './clock.ts';
import type { Assistant, Place, Suggestion } from './replay.ts';
import type { BenchServer } from './server.ts';

export interface Variant {
  /** The adapter that answers; without one, the base does. */
  adapter?: keyof Adapters;
  /** Parts of the repository are in the prompt. */
  repository: boolean;
  /** Further options of the core. */
  core: Partial<CompleterOptions>;
}

/**
 * What is compared: the base, and adapters in its place. `openFiles`: ours without the index of the repository.
 * `unpaused`: ours, but a key asks at once.
 */
const ours: Variant = { repository: true, core: { ahead: true } };
export const variants = {
  ours,
  reference: { ...ours, adapter: 'reference' },
  foreign: { ...ours, adapter: 'foreign' },
  trained: { ...ours, adapter: 'own' },
  openFiles: { ...ours, repository: false },
  unpaused: { ...ours, core: { ahead: true, debounceMs: 0 } },
} satisfies Record<string, Variant>;

/** What a replay happens in. */
export interface Where {
  /** The repository's name in prompts. */
  repository: string;
  parts: PartsSource;
  adapters: Adapters;
}

/** The default of the setting forgetMeNot.completion.maxTokens. */
const MAX_TOKENS = 64;

export class CoreAssistant implements Assistant {
  requests = 0;
  private readonly core;
  private readonly adapter: Adapter | undefined;

  /** `answers`: those that the model has given before. */
  constructor(
    server: Pick<BenchServer, 'stream' | 'ready'>,
    private readonly clock: VirtualClock,
    private readonly where: Where,
    private readonly variant: Variant,
    answers?: Answers,
  ) {
    this.adapter = variant.adapter && where.adapters[variant.adapter];
    const { wholeRepositories, calibration } = this.adapter ?? {};
    this.core = createCompleter({
      request: (asked, signal, onText) => {
        this.requests += 1;
        const body = { ...toServerRequest(asked), confidence: true };
        const ask = (onPiece: typeof onText) => server.stream(body, onPiece, signal);
        return clock.work(() => (answers ? answers.stream(body, onText, signal, ask) : ask(onText)));
      },
      fillInTheMiddle: () => server.ready.fillInTheMiddle,
      maxTokens: () => MAX_TOKENS,
      now: () => clock.now(),
      sleep: (milliseconds) => clock.sleep(milliseconds),
      // As the extension does it for a base: code models were trained so.
      wholeRepositories: wholeRepositories ?? true,
      ...(calibration && { calibration }),
      ...variant.core,
    });
  }

  rest(place: Place): void {
    void this.core.readAhead(this.inputAt(place));
  }

  private inputAt({ path, before, after, files }: Place) {
    const { where, variant } = this;
    const place = { repository: where.repository, path };
    return {
      path,
      languageId: languageIdForPath(path),
      before,
      after,
      place,
      files,
      ...(variant.repository && { parts: where.parts }),
      minChance: leastChance.likely,
      adapter: this.adapter?.name ?? BASE_MODEL,
    };
  }

  /** As ghost text does: what is not to appear yet is asked for again when it is. */
  async suggest(place: Place, signal: AbortSignal): Promise<Suggestion | undefined> {
    const ask = () =>
      this.core.complete({ ...this.inputAt(place), signal }).catch((error: unknown) => {
        if (signal.aborted) return undefined;
        throw error;
      });
    const found = await ask();
    if (!found?.delay) return found;
    await this.clock.sleep(found.delay);
    return signal.aborted ? undefined : ask();
  }
}
