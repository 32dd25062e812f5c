/** Which model completes code, the server behind it, and how often its completions are accepted. */
import * as vscode from 'vscode';
import { Answers, trustOf, type DropReason, type PartsSource } from '../../completion/index.ts';
import { describeDevice, type ComputeDevice } from '../../protocol/gpu.ts';
import { describeError, reportError, UserError, reasonOf } from '../../text/errors.ts';
import { forButtons } from '../../text/next-step.ts';
import type { Turn } from '../../findings/by-turns.ts';
import type { TurnCounts } from '../../protocol/by-turns.ts';
import { completingBaseId, type RunSnapshot } from '../../protocol/panel.ts';
import { dataDir } from '../../platform/files/paths.ts';
import { ServingClient, type ServingClientOptions } from '../../serving/client/client.ts';
import type { CompletionClient } from '../../serving/client/completion-client.ts';
import { AcceptanceWatch } from './acceptance.ts';
import { DiskFacts } from './disk-facts.ts';
import { IndexerClient } from './indexer-client.ts';
import { GhostText, type CompletionHost } from './ghost-text.ts';
import { joined, t, translate } from '../../text/l10n.ts';
import { commandAction, type Action } from '../log.ts';
import type { Services } from '../services.ts';
import { setCompletionEnabled, settings } from '../settings.ts';
import { isChecked, whyNotServable } from '../texts.ts';
import {
  isRemote,
  modelFromBase,
  servedFiles,
  modelFromRun,
  type CompletionModel,
  type LocalModel,
} from './completion-model.ts';
import { References } from './references.ts';
import { RemoteServer } from './remote-server.ts';
import { holdsSecrets } from './secret-files.ts';
import { Registration } from './registration.ts';
import { Snooze } from './snooze.ts';
import { announceVerdict } from './turn-verdict.ts';
import { Turns } from './turns.ts';
import { setStatusBarMessage, withProgress } from '../editor-ui.ts';

/** After this long without a request, the server ends and frees its memory; the next request starts it again. */
const IDLE_MINUTES = 10;

export interface ServicesWithCompletion extends Services {
  readonly completion: CompletionService;
}

export class CompletionService implements CompletionHost {
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onDidChange = this.changed.event;
  private readonly started = new vscode.EventEmitter<ComputeDevice>();
  /** A server was started or found, or computes on another device. */
  readonly onDidStart = this.started.event;
  private client: { serves: string; serving: CompletionClient } | undefined;
  private readonly disposables: vscode.Disposable;
  readonly acceptance: AcceptanceWatch;
  private readonly ghost: GhostText;
  readonly remoteServer: RemoteServer;
  private readonly repository: IndexerClient;
  private readonly references: References;
  private readonly disk: DiskFacts;
  /** Next edit says so. */
  isTabTaken = false;
  /** The chosen model, once it could complete code in this session; undefined after its end was announced. */
  private completed: LocalModel | undefined;
  private requests = 0;
  readonly answers = new Answers();
  /** The device the server computes on now, once one has started. */
  device: ComputeDevice | undefined;
  /** The failure since the last answer: announced once, not at each key press, and shown until it is over. */
  failure: string | undefined;
  readonly snooze: Snooze;
  readonly turns: Turns;

  constructor(private readonly services: Services) {
    this.snooze = new Snooze(services.store, () => this.changed.fire());
    this.acceptance = new AcceptanceWatch(
      (model, what, by, turn) => this.count(model, what, by, turn),
      (document, characters) => {
        if (!this.turns.compared) return;
        const { turn } = this.modelFor(document, this.acceptance.shownTurn(document)) ?? {};
        if (turn) this.turns.count(turn, 'typed', characters);
      },
      (document, what) => {
        if (settings.learnsFromUse(document)) void services.store.countUse(document.languageId, what);
      },
    );
    this.remoteServer = new RemoteServer(services, () => this.changed.fire());
    this.repository = new IndexerClient(services, (files) => this.ghost.filesChanged(files));
    this.references = new References(services);
    this.disk = new DiskFacts(services.extension.extensionPath, () => this.changed.fire());
    const base = services.store.baseInUse;
    // Known before the first key, which starts a server with them.
    void this.disk.lookForGpuKinds();
    if (base) void this.references.check(base).then(() => this.disk.lookForBase(base));
    this.ghost = new GhostText(this, this.acceptance, services.extension.extension.id);
    const registration = new Registration(this.ghost, (document) => this.isEnabledFor(document));
    registration.refreshSoon();
    this.turns = new Turns(services.store, {
      prepare: ({ spec }) => this.references.check(spec.base),
      untrained: (base) => modelFromBase(base, this.references.of(base)),
      ended: async (run, ended) => {
        this.ghost.forget();
        if (ended.verdict) await announceVerdict(this, services, run, ended);
        this.changed.fire();
      },
      failed: (error) => services.log.warn(`Comparison by turns: ${reportError(error).message}`),
    });
    const refresh = () => {
      registration.refreshSoon();
      const { chosenBase: base } = this;
      if (base && !this.disk.has(base) && !this.disk.lacks(base)) void this.disk.lookForBase(base);
      this.announceIfGone();
      void this.turns.follow(this.inUse?.run);
    };
    this.disposables = vscode.Disposable.from(
      this.acceptance,
      this.ghost,
      this.repository,
      registration,
      this.onDidChange(refresh),
      vscode.workspace.onDidGrantWorkspaceTrust(() => registration.refreshSoon()),
      vscode.window.onDidChangeWindowState(({ focused }) => focused && void this.lookAgain()),
      services.runs.onDidChange(refresh),
      vscode.commands.registerCommand('forgetMeNot.dismissSuggestion', () => this.ghost.dismiss()),
      vscode.commands.registerCommand('forgetMeNot.completionAccepted', (model: string) =>
        this.acceptance.acceptedEntirely(model),
      ),
    );
  }

  /** The remote server, if the settings name one; else the model chosen on this machine. */
  get inUse(): CompletionModel | undefined {
    return this.remoteServer.model ?? this.localModel;
  }
  /** The chosen model, if it can still be served: a base whose file is there, or a checked run. */
  get localModel(): LocalModel | undefined {
    const { untunedBase: base, chosenRun: run } = this;
    if (base) return this.disk.has(base) ? modelFromBase(base, this.references.of(base)) : undefined;
    const served = run && isChecked(run) && !whyNotServable(run, this.services.runs.statusOf(run));
    return served && !this.disk.lacks(run.spec.base) ? modelFromRun(run) : undefined;
  }
  /** Why the chosen model can't complete code any more; undefined if it can, or while that is not known. */
  get whyGone(): UserError | undefined {
    const { runs, store } = this.services;
    const { inUse: id } = store;
    if (id === undefined) return undefined;
    const other = t('Choose another model.');
    const isGone = ({ path }: LocalModel['base']) =>
      this.disk.lacks({ path })
        ? new UserError('base-not-found', t('{name} is no longer there.', { name: path }), other)
        : undefined;
    const { untunedBase: base, chosenRun: run } = this;
    if (base) return isGone(base);
    if (run) return whyNotServable(run, runs.statusOf(run)) ?? isGone(run.spec.base);
    return runs.isMissing(id)
      ? new UserError('run-not-found', t('There is no run {run}.', { run: id }), other)
      : undefined;
  }
  /** The base of the chosen model, once that is known. */
  private get chosenBase(): LocalModel['base'] | undefined {
    return this.untunedBase ?? this.chosenRun?.spec.base;
  }
  /** The chosen model, if it is a base. */
  private get untunedBase(): LocalModel['base'] | undefined {
    const { inUse: id, baseInUse: base } = this.services.store;
    return base && id === completingBaseId(base.id) ? base : undefined;
  }
  /** The chosen model, if it is a run that is known. */
  private get chosenRun(): RunSnapshot | undefined {
    const { inUse: id } = this.services.store;
    return id ? this.services.runs.get(id) : undefined;
  }
  /** Says once that the chosen model went away: another window or a terminal may have deleted or measured it. */
  private announceIfGone(): void {
    const { localModel, completed, services } = this;
    if (localModel) this.completed = localModel;
    if (localModel || !completed || completed.id !== services.store.inUse) return;
    const why = this.whyGone;
    if (!why || !this.isOn || this.remoteServer.endpoint) return;
    this.completed = undefined;
    const { id, name, run } = completed;
    // The message at its end will say so.
    if (services.store.unreportedRuns.includes(id)) return;
    const canLower = why.code === 'not-better' && run?.spec.hyper.method === 'lora';
    const message = joined([
      t('{name} no longer completes your code.', { name }),
      translate(canLower ? reasonOf(why) : describeError(why)),
      canLower ? t('To use it all the same, set a lower strength in its results.') : '',
    ]);
    const show = commandAction(t('Show Results'), 'showResults', id);
    const switchTo = commandAction(t('Switch Adapter'), 'switchAdapter');
    void services.log.notify('warning', message, switchTo, ...(services.runs.get(id) ? [show] : []));
  }
  /** Call this when the base in use, a build for GPUs or a snooze may have come or gone. */
  async lookAgain(): Promise<void> {
    this.snooze.lookAgain();
    void this.turns.refresh();
    const { chosenBase: base } = this;
    await Promise.all([this.disk.lookForGpuKinds(), base && this.disk.lookForBase(base)]);
  }
  /** A base as it completes without training: with its reference adapter, if it has one. */
  async untrained(base: LocalModel['base']): Promise<LocalModel> {
    await this.references.check(base);
    return modelFromBase(base, this.references.of(base));
  }
  /** Whether anything may complete this document now. */
  private isEnabledFor(document: vscode.TextDocument): boolean {
    const isEnabled = settings.completionEnabled(document) && !this.snooze.until;
    return isEnabled && vscode.workspace.isTrusted && this.inUse !== undefined;
  }
  modelFor(document: vscode.TextDocument, held?: Turn): CompletionModel | undefined {
    if (!this.isEnabledFor(document)) return undefined;
    const { inUse } = this;
    if (!isRemote(inUse)) return this.turns.modelFor(inUse as LocalModel, held);
    return !holdsSecrets(document.uri.path) && this.remoteServer.checkPermission(inUse.remote.endpoint)
      ? inUse
      : undefined;
  }
  /** Whether completion is turned on, in general or for the language of an open document. */
  get isOn(): boolean {
    return [undefined, ...vscode.workspace.textDocuments].some((document) =>
      settings.completionEnabled(document),
    );
  }
  get busy(): boolean {
    return this.requests > 0;
  }

  /** Chooses a model and starts its server before the first key press. `actions`: what to offer next. */
  async use(model: LocalModel, ...actions: Action[]): Promise<void> {
    if (model.id !== this.turns.compared?.spec.id) await this.turns.end();
    await this.choose(model);
    await this.snooze.set(0);
    await setCompletionEnabled(true, { document: vscode.window.activeTextEditor?.document });
    this.changed.fire();
    const { endpoint } = this.remoteServer;
    if (endpoint) return this.remoteServer.notifyInUse(model, endpoint);
    const serving = this.localClient(model);
    const options = {
      // Starting takes seconds, and the user is waiting.
      location: vscode.ProgressLocation[serving.hasServer ? 'Window' : 'Notification'],
      title: t('Starting completion with {name}', { name: model.name }),
    };
    await withProgress(options, () => this.load(model));
    this.changed.fire();
    void this.services.log.notify(
      'info',
      t('{name} completes your code now: type, and Tab accepts.', { name: model.name }),
      ...actions,
    );
  }

  /** Has a model complete code, without a message; its server starts with the first key. */
  async choose(model: LocalModel): Promise<void> {
    this.ghost.forget();
    this.answers.forget();
    this.failure = undefined;
    await this.services.store.setInUse(model.id, model.run ? undefined : model.base);
    await this.disk.lookForBase(model.base);
  }

  /** Starts a model's server, if it does not run, with the model in it. Throws UserError. */
  async load(model: LocalModel): Promise<void> {
    const serving = this.localClient(model);
    await serving.start();
    for (const { name } of servedFiles(model).adapters ?? []) await serving.load(name);
  }

  serving(model: CompletionModel): CompletionClient {
    if (!isRemote(model)) return this.localClient(model as LocalModel);
    if (this.client?.serves === model.server) return this.client.serving;
    void this.client?.serving.dispose();
    const serving = this.remoteServer.createClient(model);
    this.client = { serves: model.server, serving };
    return serving;
  }

  /** The options of a local model's server. Models with the same `serves` share it; adapters are added later. */
  serverOptions(model: LocalModel): { serves: string; options: ServingClientOptions } {
    // A running server does not pick up a newly installed GPU build, nor another Node.
    const environment = [...this.disk.gpuKinds, settings.nodePath()].filter(Boolean).join();
    const args = ['--gpu', settings.gpu(), ...(settings.foldedCopy() ? ['--fold'] : [])];
    return {
      serves: [model.server, ...args, environment, dataDir()].join('\n'),
      options: {
        node: () => this.services.node(),
        script: this.services.bundle('server.mjs'),
        base: model.base.path,
        ...servedFiles(model),
        args,
        environment,
        idleMinutes: IDLE_MINUTES,
        log: (line) => this.services.log.info(`server: ${line}`),
      },
    };
  }

  private localClient(model: LocalModel): ServingClient {
    const { serves, options } = this.serverOptions(model);
    if (this.client?.serves === serves && this.client.serving instanceof ServingClient) {
      this.client.serving.registerAdapters(options.adapters ?? []);
      return this.client.serving;
    }
    // Requests in progress wait for the new server, so nothing is reset.
    void this.client?.serving.dispose();
    const serving = new ServingClient({
      ...options,
      onReady: ({ device }) => this.deviceReady(device),
    });
    this.client = { serves, serving };
    return serving;
  }

  isServedLocally(model: CompletionModel): boolean {
    const serving = this.client?.serving;
    return !isRemote(model) && serving instanceof ServingClient && serving.hasServer;
  }

  trustIn(document: vscode.TextDocument): number {
    const { store } = this.services;
    return settings.learnsFromUse(document) ? trustOf(store.use(document.languageId)) : 1;
  }

  partsAt(
    document: vscode.TextDocument,
    position: vscode.Position,
    model: CompletionModel,
  ): PartsSource | undefined {
    // The consent for a remote model does not cover files that were never opened.
    if (isRemote(model)) return undefined;
    return (at, budget) => this.repository.parts({ document, position, at, budget, learned: model.folders });
  }

  private deviceReady(device: ComputeDevice): void {
    this.device = device;
    this.answers.forget();
    const why = device.why ? `. ${forButtons(device.why).text}` : '';
    this.services.log.info(`completion computes on ${describeDevice(device)}${why}`);
    this.started.fire(device);
    this.changed.fire();
  }

  private async stop(): Promise<void> {
    const { client } = this;
    this.client = undefined;
    this.ghost.forget();
    await client?.serving.dispose();
  }

  async trackRequest<T>(request: () => Promise<T>): Promise<T> {
    this.requests += 1;
    this.changed.fire();
    try {
      return await request();
    } finally {
      this.requests -= 1;
      this.changed.fire();
    }
  }

  answered(milliseconds: number, dropped?: DropReason): void {
    this.answers.note(milliseconds, dropped, this.turns.compared !== undefined);
    this.failure = undefined;
    this.changed.fire();
  }

  /** Typing never opens an error box: the first failure is shown in the status bar, and all are logged. */
  failed(error: unknown): void {
    const { code, message, next } = reportError(error);
    const isUserError = error instanceof UserError;
    const report = isUserError ? `${message} ${forButtons(next).text} [${code}]` : message;
    this.services.log.warn(`No completion: ${report}`);
    const isReported = this.failure !== undefined;
    this.failure = isUserError ? translate(reasonOf(error)) : t('completion failed, see the log');
    this.changed.fire();
    void this.lookAgain();
    if (!isReported) setStatusBarMessage(`$(warning) Forget-Me-Not: ${this.failure}`, 10_000);
  }

  private count(model: string, what: keyof TurnCounts, by?: number, turn?: Turn): void {
    if (turn) this.turns.count(turn, what, by);
    else if (what !== 'keptCharacters' && what !== 'typed')
      void this.services.store.count(model, what, by).then(() => this.changed.fire());
  }

  settingsChanged(): void {
    this.failure = undefined;
    if (!settings.learnsFromUse()) void this.services.store.forgetUse();
    // The remote server or its token may have changed; a local server is not needed alongside it.
    if (this.remoteServer.endpoint || !(this.client?.serving instanceof ServingClient)) void this.stop();
    const { isOn } = this;
    if (isOn) this.ghost.forget();
    else void this.stop();
    if (!isOn || this.remoteServer.endpoint || !settings.repositoryInPrompt()) this.repository.stop();
    this.changed.fire();
  }

  async dispose(): Promise<void> {
    this.snooze.dispose();
    this.disposables.dispose();
    await this.turns.close();
    await this.stop();
    this.changed.dispose();
    this.started.dispose();
  }
}
