/** A side of the comparison: the extension's completion core, used like VS Code does. */
import {
  countUse,
  createCompleter,
  languageIdForPath,
  leastChance,
  trustOf,
  type PartsSource,
  type UseCounts,
} from '../../src/completion/index.ts';
import { BASE_MODEL } from '../../src/protocol/server.ts';
import { toServerRequest } from '../../src/serving/client/completion-client.ts';
import type { Adapter, Adapters } from './adapters.ts';
import type { Answers } from './answers.ts';
import type { VirtualClock } from './clock.ts';
import type { Assistant, Place, Suggestion } from './replay.ts';
import type { BenchServer } from './server.ts';

export interface Variant {
  /** The adapter that answers; by default the base. */
  adapter?: keyof Adapters;
  /** Whether the prompt contains snippets of the repository. */
  repository: boolean;
  /** The pause before a request, in ms; by default it adapts to the typing. */
  debounceMs?: number;
  /** Learns from what is taken how sure a suggestion must be to be shown. */
  learns?: boolean;
}

/**
 * What is compared: the base, and adapters instead of it. `openFiles`: ours without the repository index. `unpaused`:
 * ours, but each key sends a request immediately. `learning`: with the user's habits.
 */
const ours: Variant = { repository: true };
export const variants = {
  ours,
  reference: { ...ours, adapter: 'reference' },
  foreign: { ...ours, adapter: 'foreign' },
  trained: { ...ours, adapter: 'own' },
  openFiles: { ...ours, repository: false },
  unpaused: { ...ours, debounceMs: 0 },
  learning: { ...ours, learns: true },
} satisfies Record<string, Variant>;

/** The environment of a replay. */
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
  use: UseCounts = { seen: 0, taken: 0 };
  private readonly core;
  private readonly adapter: Adapter | undefined;

  /** `answers`: the cache of earlier answers. */
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
      now: () => clock.now(),
      sleep: (milliseconds) => clock.sleep(milliseconds),
      // As the extension does for a base, because code models were trained like this.
      wholeRepositories: wholeRepositories ?? true,
      ...(calibration && { calibration }),
      ahead: true,
    });
  }

  used(what: keyof UseCounts): void {
    this.use = countUse(this.use, what);
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
      maxTokens: MAX_TOKENS,
      debounceMs: variant.debounceMs,
      minChance: leastChance.likely,
      ...(variant.learns && { trust: trustOf(this.use) }),
      adapter: this.adapter?.name ?? BASE_MODEL,
    };
  }

  /** Like ghost text, asks again for a suggestion that is not to be shown yet when it is due. */
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
