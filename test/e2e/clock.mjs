// A clock that a scenario moves, for VS Code and all that it starts: `NODE_OPTIONS=--import` loads this file into each of
// these processes, and a file tells them the time and whether the machine is on mains power.
import fs, { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import os from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const MINUTE_MS = 60_000;
const VARIABLE = 'FORGET_ME_NOT_TEST_CLOCK';
/** How often a process looks at the time, ms. */
const LOOK_MS = 50;
/** Training counts each second as this many: twenty minutes pass in 20 seconds. */
const TRAINING_SPEED = 60;

export class Clock {
  #state = { ahead: 0, mains: true };

  constructor(dir) {
    this.file = join(dir, 'clock.json');
    this.#write({});
  }

  /** Environment of VS Code. */
  get env() {
    const preload = `--import=${fileURLToPath(import.meta.url)}`;
    return { NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} ${preload}`.trim(), [VARIABLE]: this.file };
  }

  /** Time passes minute by minute. */
  async play(minutes) {
    for (let minute = 0; minute < minutes; minute += 1) await this.#jump(MINUTE_MS);
  }

  /** The machine sleeps for some hours. */
  sleepHours(hours) {
    return this.#jump(60 * hours * MINUTE_MS);
  }

  plug(mains) {
    this.#write({ mains });
  }

  async #jump(ms) {
    this.#write({ ahead: this.#state.ahead + ms });
    await sleep(4 * LOOK_MS);
  }

  #write(change) {
    Object.assign(this.#state, change);
    writeFileSync(`${this.file}.new`, JSON.stringify(this.#state));
    renameSync(`${this.file}.new`, this.file);
  }
}

const file = process.env[VARIABLE];
if (file) follow(file);

function follow(path) {
  let state;
  const look = () => (state = JSON.parse(readFileSync(path, 'utf8')));
  look();
  const isExtensionHost = process.argv.includes('--type=extensionHost');
  const every = globalThis.setInterval;
  every(look, LOOK_MS).unref();
  moveDate(() => state.ahead);
  if (isExtensionHost) moveIntervals(every);
  if (process.argv[1]?.endsWith('training-worker.mjs')) hasten(TRAINING_SPEED);
  // Whatever else runs on the test's machine, this one is idle.
  os.cpus = () => [{ model: 'quiet', speed: 1, times: { user: 0, nice: 0, sys: 0, idle: 0, irq: 0 } }];
  replaceSupplies(() => state.mains);
  syncBuiltinESMExports();
}

function moveDate(ahead) {
  const RealDate = Date;
  globalThis.Date = class extends RealDate {
    constructor(...given) {
      super(...(given.length ? given : [RealDate.now() + ahead()]));
    }
    static now() {
      return RealDate.now() + ahead();
    }
  };
}

/** Intervals of a second and more go by the clock; after a jump, they are due once. */
function moveIntervals(every) {
  globalThis.setInterval = (act, ms, ...given) => {
    if (!(ms >= 1000)) return every(act, ms, ...given);
    let due = Date.now() + ms;
    const actIfDue = () => {
      if (Date.now() < due) return;
      due = Date.now() + ms;
      act(...given);
    };
    return every(actIfDue, LOOK_MS);
  };
}

function hasten(speed) {
  const now = performance.now.bind(performance);
  performance.now = () => speed * now();
}

/** One mains adapter, plugged in or not, and a battery. */
function replaceSupplies(isPlugged) {
  const folder = '/sys/class/power_supply';
  const texts = () => ({
    [`${folder}/AC/type`]: 'Mains',
    [`${folder}/AC/online`]: isPlugged() ? '1' : '0',
    [`${folder}/BAT0/type`]: 'Battery',
  });
  const { readdir, readFile } = fs.promises;
  fs.promises.readdir = (path, ...given) =>
    path === folder ? Promise.resolve(['AC', 'BAT0']) : readdir.call(fs.promises, path, ...given);
  fs.promises.readFile = (path, ...given) => {
    if (!String(path).startsWith(folder)) return readFile.call(fs.promises, path, ...given);
    const text = texts()[path];
    return text === undefined ? Promise.reject(new Error('ENOENT')) : Promise.resolve(text);
  };
}
