/** A real VS Code on the benchmark's workspace: the driver of the end-to-end tests, plus a recorder in the page. */
import { cp, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Page } from 'playwright-core';
import { record } from './recorder.ts';

export type Version = 'newest' | 'oldest';

/** The part of test/e2e/browser.mjs that is used here. */
export interface Workbench {
  page: Page;
  open(url: string): Promise<void>;
  clear(): Promise<void>;
  command(title: string): Promise<void>;
  pick(placeholder: string, label: string): Promise<void>;
  openFile(name: string): Promise<void>;
  notification(text: string): Promise<unknown>;
  dismissNotifications(): Promise<void>;
  statusBar(text: string | RegExp): { waitFor(): Promise<void> };
}
interface VsCode {
  url(folder: string): string;
  stop(): Promise<void>;
}
/** Modules of the end-to-end tests, not bundled because they locate files relative to themselves. */
interface EndToEnd {
  ensureChromium(): Promise<string | undefined>;
  packageExtension(): Promise<string>;
  startVsCode(options: object): Promise<VsCode>;
  openBrowser(shots: string, chromium: string): Promise<{ workbench: Workbench; close(): Promise<void> }>;
}

interface Tools extends EndToEnd {
  chromium: string;
  vsix: string;
}

/** Provides Chromium and the packaged extension. */
export async function prepareTools(): Promise<Tools> {
  const files = ['test/e2e/vscode.mjs', 'test/e2e/browser.mjs', 'scripts/setup.mjs', 'scripts/package.mjs'];
  const parts = await Promise.all(
    files.map(async (file) => (await import(pathToFileURL(resolve(file)).href)) as Partial<EndToEnd>),
  );
  const e2e = Object.assign({}, ...parts) as EndToEnd;
  const chromium = await e2e.ensureChromium();
  if (!chromium) throw new Error('Chromium is missing.');
  return { ...e2e, chromium, vsix: await e2e.packageExtension() };
}

/** Copies the benchmark's workspace into a new folder. */
async function makeWorkspace(dir: string): Promise<string> {
  const workspace = join(dir, 'projects');
  await cp(resolve('bench/editor/workspace'), workspace, { recursive: true });
  // In the repository they have another extension, so that no tool treats them as our code.
  for (const path of await readdir(workspace, { recursive: true }))
    if (path.endsWith('.txt'))
      await rename(join(workspace, path), join(workspace, path.slice(0, -'.txt'.length)));
  return workspace;
}

export interface Editor {
  workbench: Workbench;
  close(): Promise<void>;
}

/**
 * Opens a fresh VS Code on the workspace.
 *
 * @param home where the extension keeps its data
 * @param settings user settings in addition to those that keep VS Code quiet
 */
export async function openEditor(
  tools: Tools,
  {
    home,
    version,
    installed,
    settings,
  }: { home: string; version: Version; installed: boolean; settings: object },
): Promise<Editor> {
  const dir = await mkdtemp(join(tmpdir(), 'forget-me-not-editor-'));
  const newest = version === 'newest';
  let vscode: VsCode | undefined;
  let browser: Awaited<ReturnType<EndToEnd['openBrowser']>> | undefined;
  const close = async () => {
    await browser?.close().catch(() => undefined);
    await vscode?.stop();
    await rm(dir, { recursive: true, force: true, maxRetries: 20 });
  };
  try {
    const workspace = await makeWorkspace(dir);
    vscode = await tools.startVsCode({
      ...(installed && { vsix: tools.vsix }),
      newest,
      // The oldest version has no chat for extensions' models.
      settings: { 'chat.disableAIFeatures': !newest, ...settings },
      env: { FORGET_ME_NOT_HOME: home },
    });
    browser = await tools.openBrowser(join(dir, 'shots'), tools.chromium);
    const { workbench } = browser;
    await record(workbench.page);
    await workbench.open(vscode.url(workspace));
    await workbench.clear();
    return { workbench, close };
  } catch (error) {
    await close();
    throw error;
  }
}
