/**
 * Files whose errors, warnings and advice are told in English by child processes or in files of runs, and are shown in
 * the editor's language: each sentence in them has to be in the bundles. Errors that only the command line and data
 * sets meet are not among them and stay English.
 */
export const toldIn: readonly string[] = [
  ...['errors', 'child-end', 'node', 'not-a-file'].map((name) => `src/protocol/${name}.ts`),
  ...[
    'ask',
    'check-model',
    'choose',
    'hub-files',
    'hub',
    'known-base',
    'llama',
    'pypi',
    'resolve',
    'tokenizer',
  ].map((name) => `src/base-models/${name}.ts`),
  'src/base-models/llama-binaries.ts',
  'src/base-models/llama-gpu.ts',
  ...['fetch-gpu', 'registry'].map((name) => `src/base-models/npm/${name}.ts`),
  'src/base-models/wheel-parts.ts',
  ...['download', 'network', 'python', 'wheel'].map((name) => `src/base-models/pypi/${name}.ts`),
  'src/gguf/open.ts',
  'src/model/config.ts',
  ...[
    'start',
    'tensorflow',
    'wasm',
    'devices/choose-device',
    'devices/find',
    'devices/fastest',
    'devices/plan',
    'runtime/binding',
    'runtime/inspect',
    'runtime/release',
    'runtime/install',
    'runtime/verify',
  ].map((name) => `src/tensor/${name}.ts`),
  ...['files', 'list', 'lock', 'training-lock'].map((name) => `src/runs/${name}.ts`),
  ...['build', 'build-from-plan', 'collect', 'summary', 'reading/documents', 'tokens/packing'].map(
    (name) => `src/corpus/${name}.ts`,
  ),
  'src/preferences/select.ts',
  ...[
    'checkpoints/disk',
    'checkpoints/evaluator-child',
    'checkpoints/measuring',
    'memory/fit',
    'memory/fit-again',
  ].map((name) => `src/training/${name}.ts`),
  ...[
    'continued',
    'divergence',
    'process/through-losses',
    'process/worker-child',
    'run-result',
    'session',
    'train-run',
  ].map((name) => `src/training/${name}.ts`),
  ...['measure', 'resources', 'served-check', 'under-measurement', 'strength/set'].map(
    (name) => `src/evaluation/${name}.ts`,
  ),
  'src/evaluation/figures/between-runs.ts',
  ...['follow-job', 'follow-run', 'ray/client', 'ray/http', 'results'].map(
    (name) => `src/cluster/${name}.ts`,
  ),
  'src/evaluation/scorer/process.ts',
  ...['export-run', 'import-adapter'].map((name) => `src/export/${name}.ts`),
  ...['adapter', 'read-peft', 'transformers'].map((name) => `src/weights/${name}.ts`),
  ...[
    'client/client',
    'client/run-model',
    'engine/adapter-check',
    'engine/llama-host',
    'engine/loaded',
    'engine/place-base',
    'remote/address',
    'remote/probe',
    'remote/remote-engine',
    'remote/remote-http',
    'remote/remote-stream',
  ].map((name) => `src/serving/${name}.ts`),
  ...[
    'doctor',
    'machine/auto-base',
    'machine/completion-gpu',
    'machine/webgpu',
    'machine/run-base',
    'options/continue-run',
    'processes/finish-run',
    'commands/resume',
  ].map((name) => `src/cli/${name}.ts`),
];

/** Files with texts that are part of what is shown, such as how a figure was measured: translated as far as they go. */
export const clausesIn: readonly string[] = [
  ...['workspace', 'workspace-cursors', 'retention', 'humaneval', 'gsm8k', 'multiple-choice'].map(
    (name) => `src/evaluation/tasks/${name}.ts`,
  ),
  ...['strength/task', 'figures/forgetting', 'figures/differing-settings'].map(
    (name) => `src/evaluation/${name}.ts`,
  ),
  'src/training/held-out.ts',
  'src/training/learning-rate/choose.ts',
  'src/training/run-corpus.ts',
  'src/cli/commands/train.ts',
];
