/** What the tasks of one evaluation share: opened when first asked for, closed together. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { openTokenizer, type Tokenizer } from '../base-models/tokenizer.ts';
import { openCorpus, type Corpus } from '../corpus/index.ts';
import { UserError } from '../protocol/errors.ts';
import type { RunSpec } from '../protocol/run.ts';
import { BASE_MODEL, openLlamaHost, type LlamaHost } from '../serving/llama-host.ts';
import { openScorer, type Scorer } from '../training/scorer.ts';

const RESULT_MODEL = 'result';
/** HumanEval's longest prompt and its answer fit; several problems are computed as one batch. */
const CONTEXT = 1024;
const SEQUENCES = 4;

/** The run's artefact, by its method. Errors: run-not-finished. */
function artefactOf(dir: string, spec: RunSpec): { adapterPath?: string; modelPath?: string } {
  const lora = spec.hyper.method === 'lora';
  const path = join(dir, lora ? 'adapter.gguf' : 'model.gguf');
  if (!existsSync(path))
    throw new UserError(
      'run-not-finished',
      `Run ${spec.id} has no result yet.`,
      `Go on with "forget-me-not resume ${spec.id}", then evaluate it.`,
    );
  return lora ? { adapterPath: path } : { modelPath: path };
}

export class Resources {
  private opened: {
    host?: Promise<LlamaHost>;
    scorer?: Promise<Scorer>;
    corpus?: Promise<Corpus>;
    tokenizer?: Promise<Tokenizer>;
  } = {};
  private readonly artefact: { adapterPath?: string; modelPath?: string };

  constructor(
    private readonly dir: string,
    private readonly spec: RunSpec,
  ) {
    this.artefact = artefactOf(dir, spec);
  }

  host(): Promise<LlamaHost> {
    const { adapterPath, modelPath } = this.artefact;
    return (this.opened.host ??= openLlamaHost({
      basePath: this.spec.base.path,
      adapters: adapterPath ? [{ name: RESULT_MODEL, path: adapterPath }] : [],
      models: modelPath ? [{ name: RESULT_MODEL, path: modelPath }] : [],
      contextSize: CONTEXT,
      sequences: SEQUENCES,
    }));
  }

  scorer(): Promise<Scorer> {
    return (this.opened.scorer ??= openScorer({
      basePath: this.spec.base.path,
      ...this.artefact,
      backend: this.spec.backend,
    }));
  }

  corpus(): Promise<Corpus> {
    return (this.opened.corpus ??= openCorpus(join(this.dir, 'corpus')));
  }

  tokenizer(): Promise<Tokenizer> {
    return (this.opened.tokenizer ??= openTokenizer(this.spec.base.path));
  }

  readonly models = { base: BASE_MODEL, result: RESULT_MODEL };

  async dispose(): Promise<void> {
    const { host, scorer, tokenizer } = this.opened;
    this.opened = {};
    for (const one of [host, scorer, tokenizer])
      await one?.then((opened) => opened.dispose()).catch(() => undefined);
  }
}
