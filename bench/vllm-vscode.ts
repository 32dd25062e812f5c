/**
 * A completion in a real VS Code through vLLM:
 * `npm run bench:vllm-vscode -- [--base ID|FILE] [--adapter FILE] [--python PATH] [--shots FOLDER] [--json]`.
 *
 * vLLM gets the base and, by `serve --on`, an adapter (without --adapter, a random one), as bench:vllm does. A person
 * then sets the endpoint in VS Code, allows it, gives it its token, types, and takes the ghost text with Tab. Between
 * VS Code and vLLM, what is asked and answered is recorded; what was shown is compared with what vLLM answers to the
 * same request when it is asked again, and with what its base does.
 */
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { TOKEN, withHandedOver, type HandedOver } from './vllm/handed-over.ts';
import { startRecorder, type Exchange } from './vllm/recorder.ts';

const options = {
  base: { type: 'string' },
  adapter: { type: 'string' },
  /** Of an environment that has vLLM. */
  python: { type: 'string' },
  threads: { type: 'string', default: '2' },
  /** Standard deviation of a random adapter's B. */
  scale: { type: 'string', default: '0.05' },
  /** Where screenshots go. */
  shots: { type: 'string', default: 'test-results/vllm-vscode' },
  json: { type: 'boolean', default: false },
} as const;

const NAME = 'team';
/** What stands in the file. */
const TEXT = `/** Plants of the garden, by their names. */
export const registry = new Map();

export function addPlant(name, plant) {
  registry.set(name, plant);
}

export function findPlant(name) {
`;

interface Ghost {
  typed: string;
  text: string;
}
interface Workbench {
  command(title: string): Promise<void>;
  page: { locator(css: string): { filter(of: object): { waitFor(): Promise<void> } } };
  clear(): Promise<void>;
}
type Scenario = (workbench: Workbench, place: object) => Promise<void>;

/** The end-to-end test's own parts; they find their files by their own places, so they are not bundled. */
interface EndToEnd {
  completeElsewhere(workbench: Workbench, place: object, server: object): Promise<Ghost>;
  ensureChromium(): Promise<string | undefined>;
  packageExtension(): Promise<string>;
  runSuite(chosen: [string, Scenario][], options: object): Promise<{ failed: number }>;
  squeeze(text: string): string;
}

async function endToEnd(): Promise<EndToEnd> {
  const files = [
    ...['test/e2e/endpoint-scenarios.mjs', 'test/e2e/suite.mjs', 'test/e2e/browser.mjs'],
    ...['scripts/setup.mjs', 'scripts/package.mjs'],
  ];
  const parts = await Promise.all(
    files.map(async (file) => (await import(pathToFileURL(resolve(file)).href)) as Partial<EndToEnd>),
  );
  return Object.assign({}, ...parts) as EndToEnd;
}

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options });
  const { log } = console;
  // With --json, only the figures go to standard output.
  if (values.json) console.log = console.error;
  const e2e = await endToEnd();
  const chromium = await e2e.ensureChromium();
  if (!chromium) throw new Error('Chromium is missing.');
  const [shots, vsix] = [resolve(values.shots), await e2e.packageExtension()];
  const { base, adapter, python } = values;
  const figures = await withHandedOver(
    {
      ...{ base, adapter, python, names: [NAME], context: 8192 },
      ...{ scale: Number(values.scale), threads: Number(values.threads) },
    },
    (handedOver) => measure(handedOver, e2e, { shots, vsix, chromium }),
  );
  log(JSON.stringify(figures, null, values.json ? undefined : 2));
}

async function measure(
  { vllm, base, checks }: HandedOver,
  e2e: EndToEnd,
  suite: { shots: string; vsix: string; chromium: string },
) {
  const recorder = await startRecorder(vllm.url);
  let ghost: Ghost | undefined;
  try {
    const server = { port: recorder.port, model: NAME, token: TOKEN, text: TEXT };
    const scenario: Scenario = async (workbench, place) => {
      // Shown to whoever has just installed it, over a file that is open then.
      await workbench.command('Forget-Me-Not: Get Started');
      await workbench.page.locator('.tab').filter({ hasText: 'Walkthrough' }).waitFor();
      await workbench.clear();
      ghost = await e2e.completeElsewhere(workbench, place, server);
    };
    const { failed } = await e2e.runSuite([['a completion through vLLM', scenario]], suite);
    if (failed || !ghost) throw new Error(`VS Code did not complete; see ${suite.shots}.`);
  } finally {
    await recorder.close();
  }
  const shown = e2e.squeeze(ghost.text);
  const exchange = recorder.heard.findLast(({ answer }) => e2e.squeeze(answer).startsWith(shown));
  if (!exchange) throw new Error(`vLLM was never asked for "${ghost.text}".`);
  const again = await ask(vllm.url, exchange.body);
  return {
    ...{ vllm: vllm.version, base: base.id, checks },
    ...{ asked: recorder.heard.length, prompt: exchange.body['prompt'], ...ghost, answer: again },
    /** Whether what was shown and accepted is the beginning of what the adapter answers. */
    same: e2e.squeeze(again).startsWith(shown),
    baseAnswer: await ask(vllm.url, { ...exchange.body, model: 'served' }),
    screenshots: join(suite.shots, '*.png'),
  };
}

async function ask(url: string, body: Exchange['body']): Promise<string> {
  const response = await fetch(`${url}/v1/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify({ ...body, stream: false }),
  });
  if (!response.ok) throw new Error(`vLLM answered ${response.status}: ${await response.text()}`);
  return ((await response.json()) as { choices: { text: string }[] }).choices[0]!.text;
}
