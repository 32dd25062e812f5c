// Ghost text while it is typed through, as it is painted in the page: it stays there between its own letters.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { squeeze } from './browser.mjs';
import { shown } from './steps.mjs';
import { until } from './until.mjs';
import { SETTINGS, writeFile } from './workplace.mjs';

/** The longest that ghost text may be gone: a frame, and a little. */
const GAP_MS = 20;
/** Between two keys, as a person types. */
const KEY_MS = 120;

const LIST_OFF = `{
  "editor.quickSuggestions": { "other": "off", "comments": "off", "strings": "off" },
  "editor.suggestOnTriggerCharacters": false
}`;

export const typedThroughScenarios = {
  async 'what is typed through stays on the screen'(workbench, place) {
    writeFile(place.workspace, SETTINGS, LIST_OFF);
    const line = { name: 'line.py', typed: 'total =', first: ' garden + measure + meadow.size' };
    await typesThrough(workbench, place, line);
    // An older editor has to hide what it shows before it asks for more.
    const block = {
      name: 'block.py',
      typed: 'def tend():',
      first: '\n    garden = measure + meadow',
      rest: '\n    meadow = garden\n',
    };
    if (place.newest) await typesThrough(workbench, place, block);
  },
};

/** In the newest VS Code: the older one hides ghost text whenever its list opens. */
export const typedThroughBesideList = {
  async 'what is typed through stays on the screen beside the list'(workbench, place) {
    // The list selects words of the file, some of them others than the suggestion's.
    const text = 'garden = measurement = 1\nmeadow = sixteen = 2\n\n';
    const line = { name: 'listed.py', text, typed: 'total =', first: ' garden + measure + meadow.size' };
    const frames = await typesThrough(workbench, place, line);
    assert.ok(
      frames.some(({ text, list }) => text && list),
      'the list was open beside it',
    );
  },
};

/**
 * Types until a server suggests `first`, and then all of that, while the server sends the rest.
 * @returns what was painted
 */
async function typesThrough(workbench, place, { name, text = '', typed, first, rest = '' }) {
  const { page } = workbench;
  const server = await startServer(typed, first, rest);
  try {
    place.setMachine({ 'forgetMeNot.completion.endpoint': `http://127.0.0.1:${server.port}/v1` });
    await workbench.statusBar('127.0.0.1').waitFor();
    writeFile(place.workspace, name, text);
    await workbench.openFile(name);
    await page.keyboard.press('Control+End');
    await workbench.type('x');
    await workbench.notificationButton('Your code would be completed by 127.0.0.1', 'Send Code There');
    await workbench.focusEditor(name);
    await page.keyboard.press('Control+End');
    await page.keyboard.press('Backspace');
    await workbench.type(typed);
    const last = first.trimEnd().slice(-1);
    await until('the suggestion', async () => squeeze(await shown(workbench)).endsWith(last));
    await record(page);
    const keys = first.replace(/\n\s*/g, '\n').slice(0, -1);
    for (const [at, key] of [...keys].entries()) {
      if (at === keys.length >> 1) server.goOn();
      await page.keyboard.press(key === '\n' ? 'Enter' : key === ' ' ? 'Space' : key);
      await page.waitForTimeout(KEY_MS);
    }
    if (rest) await until('the rest', async () => squeeze(await shown(workbench)).includes(squeeze(rest)));
    const frames = await recorded(page);
    const gone = frames.flatMap(({ time, text }, at) =>
      text === '' && at < frames.length - 1 ? [frames[at + 1].time - time] : [],
    );
    console.log(`      ${keys.length} keys, gone for ${gone.map(Math.round).join(', ') || 0} ms`);
    assert.ok(frames.length > keys.length / 2, `${frames.length} texts were painted`);
    assert.deepEqual(
      gone.filter((ms) => ms > GAP_MS),
      [],
      JSON.stringify(frames),
    );
    return frames;
  } finally {
    place.setMachine({});
    server.end();
    await workbench.statusBar('127.0.0.1').waitFor({ state: 'detached' });
  }
}

/** Notes from now on what is painted: the ghost text, and whether the list is open. */
async function record(page) {
  await page.evaluate(() => {
    const { document, requestAnimationFrame } = globalThis;
    const frames = (globalThis.ghostFrames = []);
    const look = (time) => {
      const parts = document.querySelectorAll(
        '.editor-instance [class*=ghost-text-decoration], .editor-instance .suggest-preview-text .ghost-text',
      );
      const text = [...parts].map(({ textContent }) => textContent).join('');
      const list = document.querySelector('.suggest-widget.visible .monaco-list-row') !== null;
      const last = frames.at(-1);
      if (!last || last.text !== text || last.list !== list) frames.push({ time, text, list });
    };
    // The editor draws before the frame is painted, so the page is read after all of that: by a message.
    const painted = new MessageChannel();
    let frame;
    painted.port1.onmessage = () => look(frame);
    const next = (time) => {
      if (globalThis.ghostFrames !== frames) return;
      frame = time;
      painted.port2.postMessage('');
      requestAnimationFrame(next);
    };
    requestAnimationFrame(next);
  });
}

/** What was painted since, in order, with the times in ms; ends with what is there now. */
function recorded(page) {
  return page.evaluate(() => {
    const frames = globalThis.ghostFrames;
    delete globalThis.ghostFrames;
    return [...frames, { ...frames.at(-1), time: performance.now() }];
  });
}

/** A server that completes `typed` and each part of `first` that is typed behind it, and waits for `goOn` before `rest`. */
async function startServer(typed, first, rest) {
  let goOn;
  const mayGoOn = new Promise((resolve) => (goOn = resolve));
  const server = createServer(async (request, response) => {
    if (request.method === 'GET') {
      response.setHeader('Content-Type', 'application/json');
      const model = { id: 'known', owned_by: 'forget-me-not', fill_in_the_middle: true };
      return response.end(JSON.stringify({ object: 'list', data: [model] }));
    }
    const chunks = await request.toArray();
    const { prompt, begun = '', heal = '' } = JSON.parse(Buffer.concat(chunks).toString());
    const before = prompt + begun + heal;
    const begins = before.lastIndexOf(typed);
    const at = begins < 0 ? '' : before.slice(begins + typed.length);
    response.setHeader('Content-Type', 'text/event-stream');
    const send = (text, finish_reason = null) =>
      response.write(
        `data: ${JSON.stringify({ choices: [{ index: 0, text, confidence: -0.001, finish_reason }] })}\n\n`,
      );
    if (begins >= 0 && first.startsWith(at)) {
      send(first.slice(at.length));
      if (rest) {
        send('\n');
        await mayGoOn;
        send(rest.slice(1));
      }
    }
    send('', 'stop');
    response.end('data: [DONE]\n\n');
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const end = () => {
    server.closeAllConnections();
    server.close();
  };
  return { port: server.address().port, goOn, end };
}
