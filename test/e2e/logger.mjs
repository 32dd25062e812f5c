// Stands in for @vscode/spdlog, which an install script would have built: with it, VS Code and extensions have log
// files.
import { appendFileSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';

const levels = ['trace', 'debug', 'info', 'warn', 'error', 'critical'];

export class Logger {
  #level = 2;
  #bare = false;
  constructor(file) {
    this.file = file;
    levels.forEach((name, level) => {
      this[name] = (message) => {
        if (level < this.#level) return;
        const line = this.#bare ? message : `${new Date().toISOString()} [${name}] ${message}\n`;
        try {
          appendFileSync(this.file, line);
        } catch {
          // The folder is gone, as at the end of a test.
        }
      };
    });
  }
  getLevel() {
    return this.#level;
  }
  setLevel(level) {
    this.#level = level;
  }
  clearFormatters() {
    this.#bare = true;
  }
  setPattern() {}
  flush() {}
  drop() {}
}

export async function createRotatingLogger(name, file) {
  mkdirSync(dirname(file), { recursive: true });
  return new Logger(file);
}

export const createAsyncRotatingLogger = createRotatingLogger;
export const setLevel = () => {};
export const setFlushOn = () => {};
