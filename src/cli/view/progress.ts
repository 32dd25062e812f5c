/**
 * Progress of downloads and installations: a bar on a terminal, a few plain lines elsewhere, JSON lines for a parent
 * process.
 */
import cliProgress from 'cli-progress';
import { visibleLine } from '../../text/foreign-text.ts';
import { LiveLine, printProgress } from './output.ts';

export interface ByteProgress {
  phase: string;
  /** What is downloaded or installed, for display. */
  what?: string;
  /** Bytes; a total of 0 means unknown. */
  done: number;
  total: number;
}

export interface ProgressView {
  show(progress: ByteProgress): void;
  /** Leaves the cursor at the start of a free line. */
  end(): void;
}

const verbs: Record<string, string> = {
  resolving: 'Looking up',
  waiting: 'Waiting:',
  downloading: 'Downloading',
  checking: 'Checking',
  unpacking: 'Unpacking',
  building: 'Building',
  verifying: 'Trying',
  uploading: 'Sending',
};

/** "Downloading tensorflow-cpu 2.21.0": the long file names of wheels are shortened. */
export function label({ phase, what = '' }: ByteProgress): string {
  const name = what.endsWith('.whl') ? what.split('-').slice(0, 2).join(' ').replaceAll('_', '-') : what;
  return visibleLine(`${verbs[phase] ?? `${phase}:`} ${name}`.trim(), 200);
}

const megabytes = (bytes: number) => (bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0);

/** Chooses the view: JSON lines with `json`, a bar on a terminal, else plain lines. All on stderr. */
export function progressView({
  json = false,
  stream = process.stderr as NodeJS.WriteStream,
} = {}): ProgressView {
  if (json) return new JsonView();
  return stream.isTTY ? new BarView(stream) : new LineView(new LiveLine(stream));
}

interface WithProgressOptions {
  json?: boolean | undefined;
  /** The reason of the abort. */
  reason?: Error;
}

/** Ctrl+C, and what the editor's stop request becomes (handleStop). */
const signals: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM'];

/** Runs `work` with a view of its progress, and with a signal that aborts on Ctrl+C and on a stop request. */
export async function withProgress<T>(
  { json, reason }: WithProgressOptions,
  work: (show: (progress: ByteProgress) => void, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const stop = new AbortController();
  const onStop = () => stop.abort(reason);
  for (const name of signals) process.once(name, onStop);
  const view = progressView({ json });
  try {
    return await work((progress) => view.show(progress), stop.signal);
  } finally {
    for (const name of signals) process.off(name, onStop);
    view.end();
  }
}

const INTERVAL_MS = 250;

class JsonView implements ProgressView {
  private lastText = '';
  private lastShown = -Infinity;

  show(progress: ByteProgress): void {
    const now = performance.now();
    const text = label(progress);
    if (text === this.lastText && now - this.lastShown < INTERVAL_MS && progress.done !== progress.total)
      return;
    this.lastText = text;
    this.lastShown = now;
    printProgress({ phase: text, done: progress.done, total: progress.total, unit: 'bytes' });
  }

  end(): void {}
}

class LineView implements ProgressView {
  private lastText = '';
  private quarter = 0;
  constructor(private readonly line: LiveLine) {}

  show(progress: ByteProgress): void {
    const { done, total } = progress;
    const text = label(progress);
    // Only downloads print more than one line.
    const quarter = total > 0 && progress.phase === 'downloading' ? Math.floor((done / total) * 4) : 0;
    if (text === this.lastText && quarter <= this.quarter) return;
    const share = total > 0 && quarter > 0 ? ` ${quarter * 25}%` : '';
    const size = total > 0 ? ` (${megabytes(total)} MB)` : '';
    this.line.print(`${text}${size}${share}`);
    this.lastText = text;
    this.quarter = quarter;
  }

  end(): void {}
}

class BarView implements ProgressView {
  private bar: cliProgress.SingleBar | undefined;
  private lastText = '';
  private readonly line: LiveLine;
  constructor(private readonly stream: NodeJS.WriteStream) {
    this.line = new LiveLine(stream);
  }

  show(progress: ByteProgress): void {
    const text = label(progress);
    const { done, total } = progress;
    if (text !== this.lastText || (total > 0 && !this.bar)) this.start(text, total);
    if (this.bar) this.bar.update(done, { megabytes: megabytes(done), of: megabytes(total) });
    else this.line.show(`${text}${done > 0 ? ` ${megabytes(done)} MB` : ' ...'}`);
  }

  private start(text: string, total: number): void {
    this.end();
    this.lastText = text;
    if (total === 0) return;
    const format = `${text} [{bar}] {percentage}%  {megabytes} of {of} MB`;
    this.bar = new cliProgress.SingleBar(
      { format, stream: this.stream, hideCursor: true, barsize: 24, fps: 8 },
      cliProgress.Presets.legacy,
    );
    this.bar.start(total, 0, { megabytes: '0', of: megabytes(total) });
  }

  end(): void {
    if (this.bar) this.bar.stop();
    else if (this.lastText) this.line.keep();
    this.bar = undefined;
    this.lastText = '';
  }
}
