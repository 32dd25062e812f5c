export type { Batch, Model, ModelOptions, Parameter, Slot, TrainableModel } from './model.ts';
export { readConfig, type ModelConfig, type WeightSource } from './config.ts';
export { loadModel, moduleTensors } from './load.ts';
export type { Llama } from './llama.ts';
