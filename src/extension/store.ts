/** What the extension remembers between sessions. */
import type * as vscode from 'vscode';
import { draftSchema, importDraftSchema, type Draft, type ImportDraft } from './draft.ts';
import { countUse, type UseCounts } from '../completion/index.ts';
import { acceptanceSchema, type Acceptance } from '../protocol/panel.ts';
import { runSpecSchema, type RunSpec } from '../protocol/run.ts';

/** Number of models remembered, so that the user can quickly switch back and forth. */
const MAX_RECENT = 10;

export class Store {
  constructor(
    private readonly workspace: vscode.Memento,
    private readonly global: vscode.Memento,
  ) {}

  /** Id of the model that completes code in this workspace: a run, or a base. */
  get inUse(): string | undefined {
    return this.workspace.get<string>('inUse');
  }
  /** `base`: set if the model is a base, not a run. */
  async setInUse(model: string, base?: RunSpec['base']): Promise<void> {
    const recent = [model, ...this.recent.filter((recent) => recent !== model)].slice(0, MAX_RECENT);
    await this.workspace.update('recent', recent);
    await this.workspace.update('inUse', model);
    if (base) await this.workspace.update('baseInUse', base);
    await this.workspace.update('begun', undefined);
  }
  /** Whether the setup of completion was started but not finished: declined, cancelled or failed. */
  get setupStarted(): boolean {
    return this.workspace.get('begun', false);
  }
  async markSetupStarted(): Promise<void> {
    await this.workspace.update('begun', true);
  }
  /** The base that was last used for completion without training. */
  get baseInUse(): RunSpec['base'] | undefined {
    return runSpecSchema.shape.base.safeParse(this.workspace.get('baseInUse')).data;
  }
  /** The models used for completion, newest first. */
  get recent(): string[] {
    return this.workspace.get<string[]>('recent', this.inUse ? [this.inUse] : []);
  }

  /** The answers for a fine-tuning that has not started. */
  get draft(): Draft {
    return draftSchema.safeParse(this.workspace.get('draft')).data ?? {};
  }
  async saveDraft(draft: Draft | undefined): Promise<void> {
    await this.workspace.update('draft', draft);
  }

  /** The answers for an import that has not started. */
  get importDraft(): ImportDraft {
    return importDraftSchema.safeParse(this.workspace.get('import')).data ?? {};
  }
  async saveImportDraft(draft: ImportDraft | undefined): Promise<void> {
    await this.workspace.update('import', draft);
  }

  /** The seeds of comparisons by turns that the user has begun here: one in a copied run has no consent. */
  get comparisons(): number[] {
    return this.global.get<number[]>('comparisons', []);
  }
  async addComparison(seed: number): Promise<void> {
    await this.global.update('comparisons', [...this.comparisons, seed]);
  }
  /** The seed of the comparison by turns that this workspace takes part in. */
  get comparing(): number | undefined {
    return this.workspace.get<number>('comparing');
  }
  async setComparing(seed: number | undefined): Promise<void> {
    await this.workspace.update('comparing', seed);
  }

  /** Ids of runs started here whose end has not been reported yet; they survive a reload. */
  get unreportedRuns(): string[] {
    return this.workspace.get<string[]>('awaited', []);
  }
  async addUnreportedRun(run: string): Promise<void> {
    if (!this.unreportedRuns.includes(run))
      await this.workspace.update('awaited', [...this.unreportedRuns, run]);
  }
  async markReported(run: string): Promise<void> {
    await this.workspace.update(
      'awaited',
      this.unreportedRuns.filter((id) => id !== run),
    );
  }

  /** When the snooze of completion ends or ended, in all windows (ms since 1970); 0: there was none. */
  get snoozedUntil(): number {
    return this.global.get('snoozedUntil', 0);
  }
  async setSnoozedUntil(time: number | undefined): Promise<void> {
    await this.global.update('snoozedUntil', time);
  }

  /** The version of llama.cpp's GPU build that was last offered on this machine. */
  get gpuOffered(): string | undefined {
    return this.global.get<string>('gpuOffered');
  }
  async setGpuOffered(version: string): Promise<void> {
    await this.global.update('gpuOffered', version);
  }

  /** Whether the user was asked about training in the background, on this machine. */
  get askedBackground(): boolean {
    return this.global.get('askedBackground', false);
  }
  async markBackgroundAsked(): Promise<void> {
    await this.global.update('askedBackground', true);
  }

  /** Addresses of remote servers that code may be sent to. */
  get allowedServers(): string[] {
    return this.global.get<string[]>('allowedServers', []);
  }
  async allowServer(address: string): Promise<void> {
    await this.global.update('allowedServers', [...new Set([...this.allowedServers, address])]);
  }
  async forbidServers(): Promise<void> {
    await this.global.update('allowedServers', undefined);
  }

  /** Counts of completions shown, accepted and kept, by model; on this machine only. */
  get acceptances(): Record<string, Acceptance> {
    const all = this.global.get<Record<string, object>>('acceptance', {});
    return Object.fromEntries(
      Object.entries(all).map(([run, counts]) => [run, acceptanceSchema.parse(counts)]),
    );
  }
  acceptance(run: string): Acceptance {
    return this.acceptances[run] ?? acceptanceSchema.parse({});
  }
  async count(run: string, what: keyof Acceptance, by = 1): Promise<void> {
    const now = this.acceptance(run);
    await this.global.update('acceptance', {
      ...this.acceptances,
      [run]: { ...now, [what]: now[what] + by },
    });
  }

  /** What became of suggestions in a language, whichever model made them; on this machine only. */
  use(language: string): UseCounts {
    return this.global.get<Record<string, UseCounts>>('use', {})[language] ?? { seen: 0, taken: 0 };
  }
  async countUse(language: string, what: keyof UseCounts): Promise<void> {
    const all = this.global.get<Record<string, UseCounts>>('use', {});
    await this.global.update('use', { ...all, [language]: countUse(this.use(language), what) });
  }
  async forgetUse(): Promise<void> {
    if (this.global.get('use')) await this.global.update('use', undefined);
  }
}
