export type { Model, ModelOptions, Parameter, Slot, TrainableModel } from './model.ts';
export type { ModelConfig, WeightSource } from './config.ts';
export { readConfig } from './config.ts';
export { loadModel } from './load.ts';
