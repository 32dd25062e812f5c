/** Which model completes code, the server behind it, and how often its completions are accepted. */
import * as vscode from 'vscode';
import { existsSync } from 'node:fs';
import { gpuKindsHere, hasGpuPackages } from '../../llama-cpp/gpu-packages.ts';
import { defaultBudget, type PartsSource } from '../../completion/index.ts';
import { describeDevice, type ComputeDevice } from '../../protocol/gpu.ts';
import { reportError, UserError, whyOf } from '../../text/errors.ts';
import { forButtons } from '../../text/next-step.ts';
import { completingBaseId, type Acceptance } from '../../protocol/panel.ts';
import { dataDir } from '../../platform/files/paths.ts';
import { ServingClient, type ServingClientOptions } from '../../serving/client/client.ts';
import type { CompletionClient } from '../../serving/client/completion-client.ts';
import { AcceptanceWatch } from './acceptance.ts';
import { Repository } from './repository.ts';
import { GhostText, type Completing } from './ghost-text.ts';
import { t, translate } from '../../text/l10n.ts';
import type { Action } from '../log.ts';
import type { Services } from '../services.ts';
import { clearEndpoint, setCompletionEnabled, settings } from '../settings.ts';
import { isChecked, whyNotServable } from '../texts.ts';
import {
  isRemote,
  ofBase,
  offersOf,
  ofRun,
  type CompletionModel,
  type LocalModel,
} from './completion-model.ts';
import { Elsewhere } from './elsewhere.ts';
import { holdsSecrets } from './secret-files.ts';
import { Registration } from './registration.ts';
import { UseRecorder } from './use-recorder.ts';
import { setStatusBarMessage, withProgress } from '../shown.ts';

/** After this long without a request, the server ends and frees its memory; the next request starts it again. */
const IDLE_MINUTES = 10;
/** Weight of the newest request in the latency that is shown. */
const NEWEST_WEIGHT = 0.3;

export interface ServicesWithCompletion extends Services {
  readonly completion: CompletionService;
}

export class CompletionService implements Completing {
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onDidChange = this.changed.event;
  private readonly started = new vscode.EventEmitter<ComputeDevice>();
  /** A server was started or found. */
  readonly onDidStart = this.started.event;
  private client: { serves: string; serving: CompletionClient } | undefined;
  private readonly disposables: vscode.Disposable;
  private readonly ghost: GhostText;
  readonly recorder: UseRecorder;
  readonly elsewhere: Elsewhere;
  private readonly repository: Repository;
  private requests = 0;
  /** Smoothed latency of requests that reached the model. */
  latencyMs: number | undefined;
  /** What the server computes on, once there was one. */
  device: ComputeDevice | undefined;
  /** What went wrong since the last answer: told once, not at each key press, and shown as long as it lasts. */
  failure: string | undefined;
  /** Until when completion is snoozed (ms since 1970), and the timer that ends it. */
  private snooze: { until: number; timer: NodeJS.Timeout } | undefined;

  constructor(private readonly services: Services) {
    const acceptance = new AcceptanceWatch((model, what, by) => this.count(model, what, by));
    this.recorder = new UseRecorder(services.bundle('preference-keeper.mjs'), (message) =>
      services.log.warn(message),
    );
    this.elsewhere = new Elsewhere(services, () => this.changed.fire());
    this.repository = new Repository(services);
    this.ghost = new GhostText(this, acceptance, services.extension.extension.id);
    const registration = new Registration(this.ghost, (document) => this.completes(document));
    registration.later();
    this.disposables = vscode.Disposable.from(
      acceptance,
      this.ghost,
      this.repository,
      registration,
      this.onDidChange(() => registration.later()),
      vscode.workspace.onDidGrantWorkspaceTrust(() => registration.later()),
      services.runs.onDidChange(() => registration.later()),
      vscode.commands.registerCommand('forgetMeNot.dismissSuggestion', () => this.ghost.dismiss()),
      vscode.commands.registerCommand('forgetMeNot.completionAccepted', (model: string) =>
        acceptance.acceptedWhole(model),
      ),
    );
  }

  /** The server elsewhere, if the settings name one; else what was chosen on this machine. */
  get inUse(): CompletionModel | undefined {
    return this.elsewhere.model ?? this.chosenHere;
  }
  /** The model that was chosen, if it can still be served: a base that is there, or a run that needs no check. */
  private get chosenHere(): LocalModel | undefined {
    const { inUse: id, baseInUse: base } = this.services.store;
    if (base && id === completingBaseId(base.id)) return existsSync(base.path) ? ofBase(base) : undefined;
    const run = id ? this.services.runs.get(id) : undefined;
    const served = run && isChecked(run) && !whyNotServable(run, this.services.runs.standing(run));
    return served ? ofRun(run) : undefined;
  }
  /** Whether anything may complete this document now. */
  private completes(document: vscode.TextDocument): boolean {
    const wanted = settings.completionEnabled(document) && !this.snooze;
    return wanted && vscode.workspace.isTrusted && this.inUse !== undefined;
  }
  modelFor(document: vscode.TextDocument): CompletionModel | undefined {
    if (!this.completes(document)) return undefined;
    const { inUse } = this;
    if (!isRemote(inUse)) return inUse;
    return !holdsSecrets(document.uri.path) && this.elsewhere.mayAsk(inUse.remote.endpoint)
      ? inUse
      : undefined;
  }
  get snoozedUntil(): Date | undefined {
    return this.snooze && new Date(this.snooze.until);
  }
  get busy(): boolean {
    return this.requests > 0;
  }

  /** Chooses a model and starts its server before the first key press. `then`: what to offer next. */
  async use(model: LocalModel, ...then: Action[]): Promise<void> {
    this.ghost.forget();
    this.latencyMs = undefined;
    this.failure = undefined;
    await this.services.store.setInUse(model.id, model.run ? undefined : model.base);
    this.sleep(0);
    await setCompletionEnabled(true, { document: vscode.window.activeTextEditor?.document });
    this.changed.fire();
    const { endpoint } = this.elsewhere;
    if (endpoint) return this.sayElsewhere(model, endpoint.host);
    const serving = this.servingHere(model);
    const options = {
      // A start takes seconds, for which somebody waits.
      location: vscode.ProgressLocation[serving.isHeld ? 'Window' : 'Notification'],
      title: t('Starting completion with {name}', { name: model.name }),
    };
    await withProgress(options, async () => {
      await serving.start();
      for (const adapter of offersOf(model).adapters ?? []) await serving.addAdapter(adapter);
    });
    this.changed.fire();
    void this.services.log.ask(
      'info',
      t('{name} completes your code now: type, and Tab accepts.', { name: model.name }),
      ...then,
    );
  }

  /** The settings name a server elsewhere: a model of this machine is kept for later. */
  private sayElsewhere({ name }: LocalModel, host: string): Promise<void> {
    const said = t('{name} is chosen, but {host} completes your code as long as the settings name it.', {
      name,
      host,
    });
    return this.services.log.ask('info', said, {
      title: t('Complete on This Machine'),
      run: () => clearEndpoint(),
    });
  }

  serving(model: CompletionModel): CompletionClient {
    if (!isRemote(model)) return this.servingHere(model as LocalModel);
    if (this.client?.serves === model.server) return this.client.serving;
    void this.client?.serving.dispose();
    const serving = this.elsewhere.clientOf(model);
    this.client = { serves: model.server, serving };
    return serving;
  }

  /** The server of a model of this machine. Models with the same `serves` share it; its adapters are offered later. */
  serverOf(model: LocalModel): { serves: string; options: ServingClientOptions } {
    // A server that was started before a build for GPUs was there does not use it; nor another Node.
    const root = this.services.extension.extensionPath;
    const builds = gpuKindsHere().filter((kind) => hasGpuPackages(kind, root));
    const beside = [...builds, settings.nodePath].filter(Boolean).join();
    const args = ['--gpu', settings.gpu, ...(settings.foldedCopy ? ['--fold'] : [])];
    return {
      serves: [model.server, ...args, beside, dataDir()].join('\n'),
      options: {
        node: () => this.services.node(),
        script: this.services.bundle('server.mjs'),
        base: model.base.path,
        ...offersOf(model),
        args,
        beside,
        idleMinutes: IDLE_MINUTES,
        log: (line) => this.services.log.info(`server: ${line}`),
      },
    };
  }

  private servingHere(model: LocalModel): ServingClient {
    const { serves, options } = this.serverOf(model);
    if (this.client?.serves === serves && this.client.serving instanceof ServingClient) {
      this.client.serving.knows(options.adapters ?? []);
      return this.client.serving;
    }
    // Requests in progress wait for the new server, so nothing is reset here.
    void this.client?.serving.dispose();
    const serving = new ServingClient({
      ...options,
      onReady: ({ device }) => device && this.takeNote(device),
    });
    this.client = { serves, serving };
    return serving;
  }

  isServingHere(model: CompletionModel): boolean {
    const serving = this.client?.serving;
    return !isRemote(model) && serving instanceof ServingClient && serving.isHeld;
  }

  partsAt(
    document: vscode.TextDocument,
    position: vscode.Position,
    model: CompletionModel,
  ): PartsSource | undefined {
    // What was consented to for a model elsewhere does not include files that nobody has opened.
    if (isRemote(model)) return undefined;
    const { folders } = model;
    const { before, after } = defaultBudget;
    return (at, budget) =>
      this.repository.parts({
        ...{ document, position, at, budget },
        learned: folders,
        shown: { before, after },
      });
  }

  private takeNote(device: ComputeDevice): void {
    this.device = device;
    const why = device.why ? `. ${forButtons(device.why).text}` : '';
    this.services.log.info(`completion computes on ${describeDevice(device)}${why}`);
    this.started.fire(device);
    this.changed.fire();
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

  async busyWith<T>(request: () => Promise<T>): Promise<T> {
    this.requests += 1;
    this.changed.fire();
    try {
      return await request();
    } finally {
      this.requests -= 1;
      this.changed.fire();
    }
  }

  answered(milliseconds: number): void {
    const { latencyMs: before = milliseconds } = this;
    this.latencyMs = before + NEWEST_WEIGHT * (milliseconds - before);
    this.failure = undefined;
    this.changed.fire();
  }

  /** Typing never shows an error box: the first failure is a status bar message, all are in the log. */
  failed(error: unknown): void {
    const { code, message, next } = reportError(error);
    const known = error instanceof UserError;
    const report = known ? `${message} ${forButtons(next).text} [${code}]` : message;
    this.services.log.warn(`No completion: ${report}`);
    const isTold = this.failure !== undefined;
    this.failure = this.inUse?.remote && known ? translate(whyOf(error)) : t('no completion, see its log');
    this.changed.fire();
    if (!isTold) setStatusBarMessage(`$(warning) Forget-Me-Not: ${this.failure}`, 10_000);
  }

  private count(model: string, what: keyof Acceptance, by?: number): void {
    void this.services.store.count(model, what, by).then(() => this.changed.fire());
  }

  settingsChanged(): void {
    this.failure = undefined;
    // A server elsewhere may be another one now, or have another token; one here is not needed beside it.
    if (this.elsewhere.endpoint || !(this.client?.serving instanceof ServingClient)) void this.stop();
    const wanted = [undefined, ...vscode.workspace.textDocuments].some((one) =>
      settings.completionEnabled(one),
    );
    if (wanted) this.ghost.forget();
    else void this.stop();
    if (!wanted || !settings.repositoryInPrompt) this.repository.stop();
    this.changed.fire();
  }

  async dispose(): Promise<void> {
    clearTimeout(this.snooze?.timer);
    this.disposables.dispose();
    // The disposal above has just handed the recorder its last outcomes.
    await this.recorder.close();
    await this.stop();
    this.changed.dispose();
    this.started.dispose();
  }
}
