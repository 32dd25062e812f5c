// Runs scenarios one after the other, each from a known state, and keeps what explains a failure.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openBrowser } from './browser.mjs';
import { onePort } from './one-port.mjs';
import { startVsCode } from './vscode.mjs';
import { makeWorkplace } from './workplace.mjs';

/** For a base with random weights: it learns fast, and all programs from it would fail. Measured in full, however busy. */
export const trainingOptions =
  '--strength 1 --seq 128 --rank 32 --lr 0.003 --optimizer adamw --dropout 0 --humaneval 0 --retention 2 --held-out-windows 4 --measure-share 100'.split(
    ' ',
  );

/** VS Code and a browser on a workplace. */
export class Session {
  /** The log of VS Code's window. */
  console = [];

  static async open(place, { vsix, chromium, shots, apart, newest, env, settings: own }) {
    const settings = {
      'forgetMeNot.base': place.base,
      'forgetMeNot.training.backend': place.backend,
      'forgetMeNot.training.options': trainingOptions,
      // A model that learned for a minute is rarely certain.
      'forgetMeNot.completion.show': 'all',
      // The older one has no chat for extensions' models.
      'chat.disableAIFeatures': !newest,
      ...own,
    };
    const session = new Session();
    try {
      session.vscode = await startVsCode({
        vsix,
        settings,
        newest,
        env: { FORGET_ME_NOT_HOME: place.home, ...env },
      });
      place.setMachine = session.vscode.setMachine;
      const url = session.vscode.url(place.workspace);
      if (apart) session.proxy = await onePort(new URL(url).origin);
      session.browser = await openBrowser(shots, chromium, session.proxy?.args);
      session.workbench = session.browser.workbench;
      session.workbench.page.on('console', (message) => session.console.push(message.text()));
      await session.workbench.open(session.proxy?.urlOf(url) ?? url);
      return session;
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  /** @throws if something requested a port of this machine other than the editor's */
  requireOnePort() {
    const [other] = (this.proxy?.refused ?? []).filter((host) => /localhost|^127\.|^\[?::1|^0\./.test(host));
    if (other) throw new Error(`The browser asked for ${other}, which is not the editor.`);
  }

  /** @throws if VS Code complains about what the extension accesses or registers */
  requireNoComplaint() {
    const logs = join(this.vscode.dir, 'udd/logs');
    const files = existsSync(logs) ? readdirSync(logs, { recursive: true }) : [];
    const logged = files
      .filter((name) => name.endsWith('.log'))
      .flatMap((name) => readFileSync(join(logs, name), 'utf8').split('\n'));
    const complaint = [...logged, ...this.console].find((line) =>
      /PendingMigrationError|is now a global in nodejs|already registered/.test(line),
    );
    if (complaint) throw new Error(`VS Code complains: ${complaint}`);
  }

  async close() {
    await this.browser?.close().catch(() => undefined);
    this.proxy?.close();
    await this.vscode?.stop();
  }
}

/** Cleans up after each suite that has not ended. */
const underWay = new Set();
/** Ends everything that the current suites have started. */
export const endSuites = () => Promise.allSettled([...underWay].map((cleanUp) => cleanUp()));

/**
 * @param {Iterable<[string, (workbench: object, place: object) => Promise<void>]>} chosen scenarios by name; several
 * suites may take from one iterator
 * @param {{ shots: string, vsix: string, chromium: string, apart?: boolean, newest?: boolean, chatBase?: string }}
 * options `shots` is the folder for screenshots and logs; with `apart`, the browser can only reach the editor's port
 * on this machine; with `newest`, in the newest VS Code
 * @returns {Promise<{ passed: number, failed: number }>}
 */
export async function runSuite(chosen, options, { makePlace = makeWorkplace, open = Session.open } = {}) {
  const place = await makePlace();
  place.chatBase = options.chatBase;
  place.newest = options.newest;
  let session;
  /** Ends everything that was started, in any case. */
  const cleanUp = async () => {
    await session?.close();
    place.remove();
  };
  underWay.add(cleanUp);
  const counts = { passed: 0, failed: 0 };
  try {
    for (const [name, scenario] of chosen) {
      const started = Date.now();
      const say = (verdict, why = '') =>
        console.log(`${verdict} ${name} (${Math.round((Date.now() - started) / 1000)} s)${why}`);
      try {
        session ??= await open(place, options);
        await session.workbench.clear();
        await scenario(session.workbench, place);
        session.requireOnePort?.();
        session.requireNoComplaint?.();
        counts.passed += 1;
        say('ok   ');
      } catch (error) {
        counts.failed += 1;
        say('FAIL ', `\n${error.stack.replace(/^.*\[pid=.*\n/gm, '')}`);
        const evidence = join(options.shots, `failed-${counts.failed}-${name.replace(/\W+/g, '-')}`);
        // Files may disappear while they are copied: a training may still be running.
        await keepEvidence(evidence, session, place).catch(({ message }) => console.log(message));
        console.log(`Screenshots and logs: ${evidence}`);
        // The next one gets another VS Code and no training from this one.
        await session?.close();
        session = undefined;
        place.discardUnfinished();
      }
      place.resetSettings();
    }
  } finally {
    await cleanUp();
    underWay.delete(cleanUp);
  }
  return counts;
}

/** A page that hangs does not answer. */
const seenIn = ({ workbench }) =>
  Promise.race([
    workbench.describe().catch(({ message }) => message),
    sleep(30_000, 'The screen cannot be described: it does not answer.', { ref: false }),
  ]);

/**
 * Prints what the screen shows, and keeps a picture of it, the logs of VS Code and of the extension, and the runs
 * without large files.
 */
async function keepEvidence(dir, session, place) {
  if (session) console.log(await seenIn(session));
  mkdirSync(dir, { recursive: true });
  const runs = join(place.home, 'runs');
  const isSmall = (path) => !/[\\/](corpus|checkpoints)$|\.gguf$/.test(path);
  if (existsSync(runs)) cpSync(runs, join(dir, 'runs'), { recursive: true, filter: isSmall });
  if (!session) return;
  const screenshot = (name) =>
    session.workbench.page.screenshot({ path: join(dir, name), timeout: 30_000 }).catch(() => undefined);
  await screenshot('failed.png');
  writeFileSync(join(dir, 'server.log'), session.vscode.log());
  const logs = join(session.vscode.dir, 'udd/logs');
  if (existsSync(logs)) cpSync(logs, join(dir, 'logs'), { recursive: true });
}
