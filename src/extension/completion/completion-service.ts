/** Which adapter completes code, the server behind it, and how often its completions are accepted. */
import { join } from 'node:path';
import * as vscode from 'vscode';
import type { Acceptance, RunSnapshot } from '../../protocol/panel.ts';
import { runsDir } from '../../protocol/paths.ts';
import { artefactName } from '../../protocol/run.ts';
import { ServingClient } from '../../serving/client/client.ts';
import { AcceptanceWatch } from './acceptance.ts';
import { GhostText, type Completing } from './ghost-text.ts';
import type { Services } from '../services.ts';
import { setCompletionEnabled, settings } from '../settings.ts';
import { isChecked, whyNotServable } from '../texts.ts';
import { UseRecorder } from './use-recorder.ts';

/** After this long without a request, the server ends and frees its memory; the next request starts it again. */
const IDLE_MINUTES = 10;
/** Weight of the newest request in the latency that is shown. */
const NEWEST_WEIGHT = 0.3;

/** Documents that people write in: no output, no source-control input, no read-only views. */
const documents = ['file', 'untitled', 'vscode-notebook-cell'].map((scheme) => ({ scheme }));

const artefact = ({ spec }: RunSnapshot) => ({
  name: spec.id,
  path: join(runsDir(), spec.id, artefactName(spec)),
});

export interface ServicesWithCompletion extends Services {
  readonly completion: CompletionService;
}

export class CompletionService implements Completing {
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onDidChange = this.changed.event;
  /** One server for all adapters of a base, so that a switch loads only an adapter. */
  private client: { serves: string; serving: ServingClient } | undefined;
  private readonly disposables: vscode.Disposable;
  private readonly ghost: GhostText;
  readonly recorder: UseRecorder;
  private requests = 0;
  /** Smoothed latency of requests that reached the engine. */
  latencyMs: number | undefined;
  /** A failure is shown once, not at each key press. */
  private failureTold = false;
  /** Until when completion is snoozed (ms since 1970), and the timer that ends it. */
  private snooze: { until: number; timer: NodeJS.Timeout } | undefined;

  constructor(private readonly services: Services) {
    const acceptance = new AcceptanceWatch((run, what, by) => this.count(run, what, by));
    this.recorder = new UseRecorder(services.bundle('preference-keeper.mjs'), (message) =>
      services.log.warn(message),
    );
    this.ghost = new GhostText(this, acceptance);
    this.disposables = vscode.Disposable.from(
      acceptance,
      this.ghost,
      vscode.languages.registerInlineCompletionItemProvider(documents, this.ghost),
      vscode.commands.registerCommand('forgetMeNot.completionAccepted', (run: string) =>
        acceptance.acceptedWhole(run),
      ),
    );
  }

  /** The run that was chosen, if it can still be served without a check. */
  get inUse(): RunSnapshot | undefined {
    const id = this.services.store.inUse;
    const run = id ? this.services.runs.get(id) : undefined;
    return run && isChecked(run) && !whyNotServable(run, this.services.runs.standing(run)) ? run : undefined;
  }
  runFor(document: vscode.TextDocument): RunSnapshot | undefined {
    const wanted = settings.completionEnabled(document) && !this.snooze;
    return wanted && vscode.workspace.isTrusted ? this.inUse : undefined;
  }
  get snoozedUntil(): Date | undefined {
    return this.snooze && new Date(this.snooze.until);
  }
  get busy(): boolean {
    return this.requests > 0;
  }

  /** Chooses a run and starts its server before the first key press. */
  async use(run: RunSnapshot): Promise<void> {
    this.ghost.forget();
    this.latencyMs = undefined;
    this.failureTold = false;
    await this.services.store.setInUse(run.spec.id);
    this.sleep(0);
    await setCompletionEnabled(true, { document: vscode.window.activeTextEditor?.document });
    this.changed.fire();
    const options = {
      location: vscode.ProgressLocation.Window,
      title: `Starting completion with ${run.spec.name}`,
    };
    await vscode.window.withProgress(options, async () => {
      const serving = this.serving(run);
      await serving.start();
      if (run.spec.hyper.method === 'lora') await serving.addAdapter(artefact(run));
    });
    this.changed.fire();
    void this.services.log.ask('info', `${run.spec.name} completes your code now: Tab accepts.`);
  }

  serving(run: RunSnapshot): ServingClient {
    const { id, base, hyper } = run.spec;
    const lora = hyper.method === 'lora';
    const serves = lora ? base.path : id;
    if (this.client?.serves === serves) return this.client.serving;
    // Requests in progress wait for the new server, so nothing is reset here.
    void this.client?.serving.dispose();
    const serving = new ServingClient({
      node: () => this.services.node(),
      script: this.services.bundle('server.mjs'),
      base: base.path,
      ...(lora ? { adapters: [artefact(run)] } : { models: [artefact(run)] }),
      idleMinutes: IDLE_MINUTES,
      log: (line) => this.services.log.info(`server: ${line}`),
    });
    this.client = { serves, serving };
    return serving;
  }

  /** Snoozes completion for so many minutes; 0 ends that. */
  sleep(minutes: number): void {
    clearTimeout(this.snooze?.timer);
    const milliseconds = minutes * 60_000;
    this.snooze = minutes
      ? { until: Date.now() + milliseconds, timer: setTimeout(() => this.sleep(0), milliseconds) }
      : undefined;
    this.changed.fire();
  }

  private async stop(): Promise<void> {
    const { client } = this;
    this.client = undefined;
    this.ghost.forget();
    await client?.serving.dispose();
  }

  async measured<T>(request: () => Promise<T>): Promise<T> {
    const started = performance.now();
    this.requests += 1;
    this.changed.fire();
    try {
      const answer = await request();
      const took = performance.now() - started;
      this.latencyMs =
        this.latencyMs === undefined ? took : this.latencyMs + NEWEST_WEIGHT * (took - this.latencyMs);
      return answer;
    } finally {
      this.requests -= 1;
      this.changed.fire();
    }
  }

  /** Typing never shows an error box: the first failure is a status bar message, all are in the log. */
  failed(error: unknown): void {
    this.services.log.warn(`No completion: ${error instanceof Error ? error.message : String(error)}`);
    if (this.failureTold) return;
    this.failureTold = true;
    vscode.window.setStatusBarMessage('$(warning) Forget-Me-Not: no completion, see its log', 10_000);
  }

  private count(run: string, what: keyof Acceptance, by?: number): void {
    void this.services.store.count(run, what, by).then(() => this.changed.fire());
  }

  settingsChanged(): void {
    this.failureTold = false;
    const wanted = [undefined, ...vscode.workspace.textDocuments].some((one) =>
      settings.completionEnabled(one),
    );
    if (wanted) this.ghost.forget();
    else void this.stop();
    this.changed.fire();
  }

  async dispose(): Promise<void> {
    clearTimeout(this.snooze?.timer);
    this.disposables.dispose();
    // The disposal above has just handed the recorder its last outcomes.
    await this.recorder.close();
    await this.stop();
    this.changed.dispose();
  }
}
