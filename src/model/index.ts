export type {
  Batch,
  LossOptions,
  Model,
  ModelOptions,
  Parameter,
  Predictions,
  Slot,
  TrainableModel,
} from './model.ts';
export { readConfig, type ModelConfig, type WeightSource } from './config.ts';
export { firstA, initialValues, loadHead, loadModel, type LoadedHead } from './load.ts';
export {
  adapterAlpha,
  checkRank,
  chooseTargets,
  linearNames,
  linearShape,
  linearWeights,
} from './targets.ts';
export type { Llama } from './llama.ts';
