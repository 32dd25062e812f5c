// `npm start [-- FOLDER]`: installs what is missing, fine-tunes the base that suits this machine on the folder
// (default: this repository), shows before and after, and writes report.html into the folder where it was started. With
// --json, standard output is one line of what it ended with.
import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, ensureCompiler, ensureDependencies, run } from './setup.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
// npm changes into the package's folder; INIT_CWD is where it was called.
const startedIn = process.env.INIT_CWD ?? process.cwd();
const json = process.argv.includes('--json');
const folder = resolve(startedIn, process.argv.slice(2).find((arg) => !arg.startsWith('--')) ?? root);
const note = (line) => process.stderr.write(`${line}\n`);
if (json) console.log = (...texts) => note(texts.join(' '));
const report = resolve(startedIn, 'report.html');

if (!existsSync(folder)) {
  console.error(`The folder ${folder} does not exist. Give an existing one: npm start -- FOLDER`);
  process.exit(1);
}

console.log(
  `Forget-Me-Not: fine-tunes a code model on ${folder}, on this machine. About 8 minutes on 2 cores, plus the downloads.`,
);
console.log(
  'Downloads on the first run: packages (about 120 MB), TensorFlow (274 MB), the model that suits this machine (usually Qwen2.5-Coder-0.5B, 491 MB; on a small machine SmolLM2-135M, 98 MB), HumanEval (0.1 MB); with a GPU, WebGPU and llama.cpp for Vulkan (79 MB).\n',
);

/** The output goes to the terminal, or to `onLine` if given. */
const forgetMeNot = (args, onLine) =>
  run(process.execPath, [resolve(root, 'dist/cli.mjs'), ...args], { cwd: startedIn, onLine });

/** Downloads the base that training will choose once TensorFlow is installed. */
async function fetchBase() {
  let listed = '';
  await forgetMeNot(['models', '--json'], (line) => {
    if (line.startsWith('{')) listed = line;
  });
  const { default: chosen } = JSON.parse(listed);
  const { id } = chosen.withTensorflow ?? chosen;
  // In place of the bar that the installation of TensorFlow draws meanwhile.
  const clear = process.stdout.isTTY ? '\r\x1b[2K' : '';
  await forgetMeNot(['models', 'fetch', id, '--yes'], (line) => {
    if (!/^ | is here: /.test(line)) console.log(clear + line);
  });
}

const compiler = ensureCompiler();
await ensureDependencies(root, { beside: compiler, tools: false });
const compiles = await compiler;
const building = Date.now();
await build();
const built = Date.now();
// In lines, because the installation of TensorFlow draws a bar meanwhile.
const gpu = forgetMeNot(['runtime', 'install-gpu', '--found', '--yes'], (line) => console.log(line));
// A GPU decides which base it will be; without a compiler, it is a smaller one. What goes wrong is reported by the
// training, which tries again or does without.
const base = gpu.catch(() => undefined).then(() => compiles && fetchBase().catch(() => undefined));
try {
  await forgetMeNot(['runtime', 'install', '--yes'], json && note);
} catch {
  console.log(
    'Continuing without TensorFlow: on a GPU, or else on the wasm backend, which is about six times slower and so makes fewer steps.',
  );
}
await base;
const started = Date.now();
let last = '';
try {
  const training = ['train', folder, '--base', 'auto', '--minutes', '3', '--yes', '--report', report];
  await forgetMeNot(json ? [...training, '--json'] : training, json && ((line) => note((last = line))));
} catch {
  // The command has already printed what happened and what to do.
  process.exit(1);
}
if (json)
  console.info(JSON.stringify(outcome(JSON.parse(last), (built - building + Date.now() - started) / 1000)));

/** What a run ended with. `seconds`: without downloads. */
function outcome({ announced, summary }, seconds) {
  const find = (metric) => summary.choice?.atCursors?.find((one) => one.metric === metric);
  const [bits, lines] = [find('bits per byte'), find('exact lines')];
  const { third: base, before: reference, after: own } = lines ?? {};
  return {
    seconds: Math.round(seconds),
    announced,
    decided: summary.choice?.decided,
    cursors: own?.n ?? 0,
    places: own && bits.after.n,
    bits: bits?.difference,
    firstLines: { base: (base ?? reference)?.value, reference: reference?.value, own: own?.value },
  };
}
