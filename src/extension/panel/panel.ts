/** Hosts the results panel: sends it the changes of runs, and carries out the user's requests. */
import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';
import { z } from 'zod';
import { describeError } from '../../text/errors.ts';
import {
  fromPanelSchema,
  toPanelSchema,
  type FromPanel,
  type SweepSnapshot,
  type ToPanel,
} from '../../protocol/panel.ts';
import { runComparisonSchema } from '../../protocol/run-comparison.ts';
import type { ServicesWithCompletion } from '../completion/completion-service.ts';
import { t, translate } from '../../text/l10n.ts';
import { actionFor } from '../log.ts';
import { pageHtml } from './page.ts';
import { completing } from '../completion/completion-model.ts';
import { PanelFeed } from './panel-feed.ts';
import { setStrength } from '../results/strength.ts';
import { Sweeps } from './sweeps.ts';
import { Throttle } from './throttle.ts';

const viewType = 'forgetMeNot.results';
/** The part of the page's stored state (webview/view-state.ts) that is used here: the run that it showed. */
const pageStateSchema = z.object({ run: z.string().optional() });
/** At most about two messages per second are sent to the panel. */
const UPDATE_MS = 500;

export class ResultsPanel implements vscode.Disposable, vscode.WebviewPanelSerializer {
  private panel: vscode.WebviewPanel | undefined;
  private selected: string | undefined;
  private ready = false;
  private readonly feed = new PanelFeed();
  private readonly throttle = new Throttle(UPDATE_MS, () => void this.update());

  private readonly revival = vscode.window.registerWebviewPanelSerializer(viewType, this);

  private readonly sweeps: Sweeps;
  /** The sweeps sent last, and everything else but the runs. */
  private sentSweeps: SweepSnapshot[] | undefined;
  private sentRest = '';

  constructor(private readonly services: ServicesWithCompletion) {
    this.sweeps = new Sweeps(services, () => this.refresh());
  }

  /**
   * Opens the panel, or brings it to the front, with this run selected. Default: the last selection, else a live run,
   * else the one in use, else the newest.
   */
  async show(run?: string): Promise<void> {
    const { runs, completion } = this.services;
    await runs.refresh();
    const liveRun = runs.all.find((run) => runs.statusOf(run) === 'live');
    const first = liveRun ?? completion.inUse?.run ?? runs.all[0];
    this.selected = run ?? this.selected ?? first?.spec.id;
    if (this.panel) {
      this.panel.reveal();
      await this.update();
      return;
    }
    // So that the charts are complete when the panel is first drawn.
    if (this.selected) await this.services.runs.keepEventsOf([this.selected]);
    this.adopt(
      vscode.window.createWebviewPanel(viewType, t('Forget-Me-Not Results'), vscode.ViewColumn.Active),
    );
  }

  /** Takes over a panel that the editor restores after a reload of the window; its page has stored the selection. */
  async deserializeWebviewPanel(panel: vscode.WebviewPanel, state: unknown): Promise<void> {
    const pageState = pageStateSchema.safeParse(state);
    this.selected = pageState.success ? pageState.data.run : undefined;
    await this.services.runs.refresh();
    this.adopt(panel);
  }

  private adopt(panel: vscode.WebviewPanel): void {
    const { extensionUri } = this.services.extension;
    const assets = vscode.Uri.joinPath(extensionUri, 'dist', 'webview');
    this.panel?.dispose();
    this.panel = panel;
    this.panel.webview.options = { enableScripts: true, localResourceRoots: [assets] };
    this.panel.iconPath = vscode.Uri.joinPath(extensionUri, 'media', 'icon.svg');
    this.panel.webview.onDidReceiveMessage((message: unknown) => this.receive(message));
    // When shown again, the page reloads and sends "ready" again.
    this.panel.onDidChangeViewState(({ webviewPanel }) => (this.ready &&= webviewPanel.visible));
    this.panel.onDidDispose(() => {
      if (this.panel !== panel) return;
      this.panel = undefined;
      this.ready = false;
      void this.services.runs.keepEventsOf([]);
    });
    this.panel.webview.html = htmlFor(this.panel.webview, assets);
  }

  /** Call this when something has changed: updates the panel soon. */
  refresh(): void {
    if (this.panel && this.ready) this.throttle.run();
  }

  /** Sends the panel what changed since the last message: nothing after most suggestions, so it is not drawn again. */
  private async update(): Promise<void> {
    if (!this.panel || !this.ready) return;
    const { runs } = this.services;
    const next = this.feed.nextMessage(runs.all);
    const { inUse } = this.services.completion;
    const common = {
      live: runs.all.filter((run) => runs.statusOf(run) === 'live').map(({ spec }) => spec.id),
      selected: this.selected,
      inUse: inUse?.id,
      withReference: inUse && completing(inUse).withReference,
      acceptance: this.services.store.acceptances,
      now: Date.now(),
    };
    const sweeps = this.sweeps.all;
    const rest = JSON.stringify({ ...common, now: 0 });
    const newSweeps = sweeps === this.sentSweeps ? undefined : sweeps;
    if (next.type === 'runs') this.post({ ...next, ...common, sweeps });
    else if (newSweeps || rest !== this.sentRest || next.runs.length > 0 || next.gone.length > 0)
      this.post({ ...next, ...common, sweeps: newSweeps });
    this.sentSweeps = sweeps;
    this.sentRest = rest;
    void this.sweeps.refresh();
  }

  private post(message: ToPanel): void {
    const checked = toPanelSchema.safeParse(message);
    if (!checked.success) {
      this.feed.forget();
      this.services.log.warn(
        `The update for the panel was invalid and was not sent: ${checked.error.issues[0]?.message}`,
      );
    } else void this.panel?.webview.postMessage(checked.data);
  }

  private async compare(runs: string[]): Promise<void> {
    try {
      const comparison = await this.services.children.ask(runComparisonSchema, ['compare', ...runs]);
      this.post({ type: 'comparison', of: runs, comparison });
    } catch (error) {
      this.post({ type: 'comparison', of: runs, problem: translate(describeError(error)) });
    }
  }

  private receive(message: unknown): void {
    const parsed = fromPanelSchema.safeParse(message);
    if (!parsed.success)
      this.services.log.warn(`The panel sent an unknown message: ${parsed.error.issues[0]?.message}`);
    else this.act(parsed.data).catch((error: unknown) => this.services.log.showError(error));
  }

  private async act(request: FromPanel): Promise<void> {
    switch (request.type) {
      case 'ready':
        this.ready = true;
        this.feed.forget();
        return this.update();
      case 'select':
        this.selected = request.run;
        return this.update();
      case 'show':
        return this.services.runs.keepEventsOf(request.runs);
      case 'compare':
        return this.compare(request.runs);
      case 'useForCompletion':
        await vscode.commands.executeCommand('forgetMeNot.useForCompletion', request.run);
        return;
      case 'completeUntuned':
        await vscode.commands.executeCommand('forgetMeNot.completeUntuned');
        return;
      case 'strength':
        return setStrength(this.services, request.run, request.strength);
      case 'step':
        await actionFor(request.step).run();
        return;
      case 'save':
        return save(request.name, request.base64);
    }
  }

  dispose(): void {
    this.throttle.dispose();
    // The panel itself stays open: the editor restores it after a reload.
    this.revival.dispose();
  }
}

async function save(name: string, base64: string): Promise<void> {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  const safe = name.replace(/[^\w.-]+/g, '-');
  const extension = safe.split('.').at(-1) ?? 'png';
  const target = await vscode.window.showSaveDialog({
    title: t('Save Chart'),
    filters: { [extension.toUpperCase()]: [extension] },
    ...(folder ? { defaultUri: vscode.Uri.joinPath(folder, safe) } : {}),
  });
  if (target) await vscode.workspace.fs.writeFile(target, Buffer.from(base64, 'base64'));
}

function htmlFor(webview: vscode.Webview, assets: vscode.Uri): string {
  const uri = (file: string) => webview.asWebviewUri(vscode.Uri.joinPath(assets, file)).toString();
  return pageHtml({
    nonce: randomBytes(16).toString('base64url'),
    source: webview.cspSource,
    style: uri('main.css'),
    script: uri('main.js'),
    title: t('Forget-Me-Not Results'),
    language: vscode.env.language,
    texts: vscode.l10n.bundle,
  });
}
