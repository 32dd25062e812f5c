// Stands in for @vscode/spdlog, which an install script would have built: with it, VS Code and extensions have log files.
const { appendFileSync, mkdirSync } = require('node:fs');
const { dirname } = require('node:path');

const levels = ['trace', 'debug', 'info', 'warn', 'error', 'critical'];

class Logger {
  #level = 2;
  #bare = false;
  constructor(file) {
    this.file = file;
    levels.forEach((name, level) => {
      this[name] = (message) => {
        if (level < this.#level) return;
        const line = this.#bare ? message : `${new Date().toISOString()} [${name}] ${message}\n`;
        // Whose folder is gone, as at the end of a test, has nothing to log any more.
        try {
          appendFileSync(this.file, line);
        } catch {}
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

const createLogger = async (name, file) => {
  mkdirSync(dirname(file), { recursive: true });
  return new Logger(file);
};

exports.version = 0;
exports.setLevel = () => {};
exports.setFlushOn = () => {};
exports.Logger = Logger;
exports.createRotatingLogger = createLogger;
exports.createAsyncRotatingLogger = createLogger;
