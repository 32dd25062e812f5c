/** Whom the panel talks to: the extension inside VS Code, or nobody in report.html, which carries its snapshot. */
import { fromPanelSchema, toPanelSchema, type FromPanel, type ToPanel } from '../src/protocol/panel.ts';

export interface Host {
  /** False in a report: nothing can be stopped or put to use from there. */
  canAct: boolean;
  /** The time that "now" means, in milliseconds: a report stays at the moment it was written. */
  now(): number;
  onMessage(listener: (message: ToPanel) => void): void;
  post(message: FromPanel): void;
  /** Keeps a picture that the person asked for. */
  save(name: string, base64: string): void;
}

declare const acquireVsCodeApi: undefined | (() => { postMessage(message: unknown): void });

export function connect(): Host {
  return typeof acquireVsCodeApi === 'function' ? connectToEditor(acquireVsCodeApi()) : connectToReport();
}

function connectToEditor(api: { postMessage(message: unknown): void }): Host {
  const post = (message: FromPanel) => api.postMessage(fromPanelSchema.parse(message));
  return {
    canAct: true,
    now: () => Date.now(),
    onMessage(listener) {
      window.addEventListener('message', ({ data }) => {
        const message = toPanelSchema.safeParse(data);
        if (message.success) listener(message.data);
        else console.warn('The panel does not understand its host:', message.error.issues[0]);
      });
    },
    post,
    save: (name, base64) => post({ type: 'save', name, base64 }),
  };
}

function connectToReport(): Host {
  const element = document.getElementById('snapshot');
  const message = toPanelSchema.parse(JSON.parse(element?.textContent ?? '{"type":"runs","runs":[]}'));
  const writtenAt = Date.parse(element?.dataset['writtenAt'] ?? '') || Date.now();
  return {
    canAct: false,
    now: () => writtenAt,
    onMessage: (listener) => listener(message),
    post: () => {},
    save: download,
  };
}

function download(name: string, base64: string): void {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const url = URL.createObjectURL(new Blob([bytes], { type: 'image/png' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
