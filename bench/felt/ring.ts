/**
 * The extra context that llama.vscode sends: a ring of chunks, picked when files are opened and when the cursor moves.
 * Reimplements its behaviour (ggml-org/llama.vscode, MIT). Pure.
 */
import { uniform } from '../../src/statistics/random.ts';

interface Chunk {
  filename: string;
  text: string;
}

const CHUNKS = 16;
/** The setting, in lines; a chunk has half as many. */
const CHUNK_LINES = 64;
const MIN_LINES = 3;
/** Lines that the cursor must move before more is picked, and the distance that is picked from. */
const MOVED = 32;
const SCOPE = { prefix: 256, suffix: 64, all: 1024 };
const SAME = 0.9;

export class Ring {
  chunks: Chunk[] = [];
  private picked = -9999;
  private readonly random = uniform(1);

  /** When a file is opened or left: picks a chunk around the cursor. */
  pickAround(filename: string, text: string, line: number): void {
    const half = CHUNK_LINES / 2;
    const lines = text.split('\n').slice(Math.max(0, line - half), line + half);
    const found = this.chunkOf(filename, lines);
    if (!found || this.chunks.some((chunk) => chunk.text === found.text)) return;
    this.chunks = this.chunks.filter((chunk) => alike(chunk.text, found.text) <= SAME);
    this.add(found);
  }

  /** When the cursor moves: picks chunks beyond the prefix and suffix, which are sent anyway. */
  move(filename: string, text: string, line: number): void {
    if (Math.abs(line - this.picked) <= MOVED) return;
    this.picked = line;
    const lines = text.split('\n');
    const above = lines.slice(Math.max(0, line - SCOPE.all), Math.max(0, line - SCOPE.prefix));
    const below = lines.slice(line + SCOPE.suffix, line + SCOPE.suffix + CHUNK_LINES);
    for (const part of [above, below]) {
      const found = this.chunkOf(filename, part);
      if (found) this.add(found);
    }
  }

  private add(chunk: Chunk): void {
    this.chunks = [...this.chunks, chunk].slice(-CHUNKS);
  }

  private chunkOf(filename: string, lines: readonly string[]): Chunk | undefined {
    if (lines.length < MIN_LINES) return undefined;
    const half = CHUNK_LINES / 2;
    const from = lines.length + 1 < CHUNK_LINES ? 0 : Math.floor(this.random() * (lines.length - half + 1));
    const part = from === 0 && lines.length + 1 < CHUNK_LINES ? lines : lines.slice(from, from + half);
    return { filename, text: `${part.join('\n')}\n` };
  }
}

/** Jaccard similarity of the lines. */
function alike(a: string, b: string): number {
  const [x, y] = [new Set(a.split('\n')), new Set(b.split('\n'))];
  const shared = [...x].filter((line) => y.has(line)).length;
  return shared / (x.size + y.size - shared);
}
