/**
 * The commands that read code, train, measure or serve. They bring most of the program's code, so it is loaded only for
 * them: the others start in half the time.
 */
export { cancelCommand } from './fine-tune/cancel.ts';
export { changedCommand } from './fine-tune/changed.ts';
export { compareCommand } from './results/compare.ts';
export { completeCommand } from './use/complete.ts';
export { corpusCommand } from './fine-tune/corpus.ts';
export { doctorCommand } from './set-up/doctor.ts';
export { evaluateCommand, proofCommand } from './results/evaluate.ts';
export { fetchCommand } from './use/fetch.ts';
export { importCommand } from './use/import.ts';
export { modelsCommand } from './set-up/models.ts';
export { publishCommand } from './use/publish.ts';
export { reportCommand } from './results/report.ts';
export { reproduceCommand } from './results/reproduce.ts';
export { resumeCommand } from './fine-tune/resume.ts';
export { runtimeCommand } from './set-up/runtime.ts';
export { serveCommand } from './use/serve.ts';
export { strengthCommand } from './results/strength.ts';
export { sweepCommand } from './fine-tune/sweep.ts';
export { trainCommand } from './fine-tune/train.ts';
