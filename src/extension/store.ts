/** What the extension remembers between sessions. */
import type * as vscode from 'vscode';

export interface Acceptance {
  shown: number;
  accepted: number;
}

export class Store {
  constructor(
    private readonly workspace: vscode.Memento,
    private readonly global: vscode.Memento,
  ) {}

  /** The run whose result completes code in this workspace. */
  get inUse(): string | undefined {
    return this.workspace.get<string>('inUse');
  }
  setInUse(run: string | undefined): Thenable<void> {
    return this.workspace.update('inUse', run);
  }

  /** Runs begun here whose end has not been told yet: found again after a reload. */
  get awaited(): string[] {
    return this.workspace.get<string[]>('awaited', []);
  }
  async await(run: string): Promise<void> {
    if (!this.awaited.includes(run)) await this.workspace.update('awaited', [...this.awaited, run]);
  }
  async told(run: string): Promise<void> {
    await this.workspace.update(
      'awaited',
      this.awaited.filter((one) => one !== run),
    );
  }

  /** How often completions of each adapter were shown and accepted, on this machine only. */
  acceptance(run: string): Acceptance {
    return this.global.get<Record<string, Acceptance>>('acceptance', {})[run] ?? { shown: 0, accepted: 0 };
  }
  async count(run: string, what: keyof Acceptance): Promise<void> {
    const all = { ...this.global.get<Record<string, Acceptance>>('acceptance', {}) };
    const now = this.acceptance(run);
    all[run] = { ...now, [what]: now[what] + 1 };
    await this.global.update('acceptance', all);
  }
}
