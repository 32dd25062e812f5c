/** Models in memory besides the base: full fine-tunes. */
import { loadLlamaModel, readModelFile } from '../../llama-cpp/llama.ts';
import { load, type LoadedModel } from './load-model.ts';

export class WholeModels {
  private readonly models = new Map<string, Promise<LoadedModel>>();

  /** `gpuLayers`: layers that may be on a GPU; undefined for the processor. */
  constructor(private readonly gpuLayers: () => Parameters<typeof loadLlamaModel>[1]) {}

  get names(): string[] {
    return [...this.models.keys()];
  }

  /** The model of this name; loaded from `path` if it is not in memory. Throws like readModelFile and load. */
  get(name: string, path: string): Promise<LoadedModel> {
    let loaded = this.models.get(name);
    if (!loaded) {
      loaded = readModelFile(path).then((file) => load(file, () => loadLlamaModel(file, this.gpuLayers())));
      this.models.set(name, loaded);
      loaded.catch(() => this.models.delete(name));
    }
    return loaded;
  }

  async drop(name: string): Promise<void> {
    const loaded = this.models.get(name);
    this.models.delete(name);
    await loaded?.then(({ model }) => model.dispose()).catch(() => undefined);
  }
}
