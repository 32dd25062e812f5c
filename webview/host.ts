/** The panel's host: the extension inside VS Code, or none in report.html, which contains its snapshot. */
import { visibleIn } from '../src/text/foreign-text.ts';
import { fromPanelSchema, toPanelSchema, type FromPanel, type ToPanel } from '../src/protocol/panel.ts';
import type { ViewState } from './view-state.ts';

export interface Host {
  /** False in a report, which can't act on runs. */
  canAct: boolean;
  /** The host's current time in milliseconds; in a report, the time at which it was written. */
  now(): number;
  onMessage(listener: (message: ToPanel) => void): void;
  post(message: FromPanel): void;
  /** The last argument of `keep`, which survives hiding the panel and reloading the window; not validated. */
  kept(): unknown;
  keep(state: ViewState): void;
  /** Saves a file for the user. */
  save(name: string, file: Blob | Promise<Blob>): void;
}

interface EditorApi {
  postMessage(message: unknown): void;
  getState(): unknown;
  setState(state: unknown): void;
}
declare const acquireVsCodeApi: undefined | (() => EditorApi);

export function connect(): Host {
  return typeof acquireVsCodeApi === 'function' ? connectToEditor(acquireVsCodeApi()) : connectToReport();
}

function connectToEditor(api: EditorApi): Host {
  const post = (message: FromPanel) => api.postMessage(fromPanelSchema.parse(message));
  /** How far the host's clock is ahead of this page's. */
  let ahead = 0;
  return {
    canAct: true,
    now: () => Date.now() + ahead,
    onMessage(listener) {
      window.addEventListener('message', ({ data }) => {
        const message = toPanelSchema.safeParse(data);
        if (!message.success)
          return console.warn('The panel received an invalid message:', message.error.issues[0]);
        if ('now' in message.data && message.data.now !== undefined) ahead = message.data.now - Date.now();
        listener(visibleIn(message.data));
      });
    },
    post,
    kept: () => api.getState(),
    keep: (state) => api.setState(state),
    save: (name, file) =>
      void Promise.resolve(file)
        .then(toBase64)
        .then((base64) => post({ type: 'save', name, base64 })),
  };
}

function connectToReport(): Host {
  const element = document.getElementById('snapshot');
  const message = toPanelSchema.parse(JSON.parse(element?.textContent ?? '{"type":"runs","runs":[]}'));
  const writtenAt = Date.parse(element?.dataset['writtenAt'] ?? '') || Date.now();
  return {
    canAct: false,
    now: () => writtenAt,
    onMessage: (listener) => listener(visibleIn(message)),
    post: () => {},
    kept: () => undefined,
    keep: () => {},
    save: (name, file) => void download(name, file),
  };
}

async function toBase64(file: Blob): Promise<string> {
  const bytes = new Uint8Array(await file.arrayBuffer());
  let text = '';
  for (let at = 0; at < bytes.length; at += 0x8000)
    text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(text);
}

async function download(name: string, file: Blob | Promise<Blob>): Promise<void> {
  const url = URL.createObjectURL(await file);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
