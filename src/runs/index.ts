/** Runs on disk: create, own, read, list, find, follow, cancel. */
export { cancelRun, endMeasured, isStopRequested } from './cancel.ts';
export { createRun, type NewRun } from './create.ts';
export { readSpec, readState } from './files.ts';
export { createFolder, findFolder, folderNames, refuseNewer, timeStamp } from './folders.ts';
export { followRun } from './follow.ts';
export { findRun, listRuns, scanRuns } from './list.ts';
export { isProcessAlive } from './processes.ts';
export { readRun, resultStep, stepOfResult } from './read.ts';
export { RunCache, type FoundRuns } from './run-cache.ts';
export { effectiveStatus, isAlive } from './status.ts';
export { trainingBusy, trainingNow, trainingRun, withTraining, type TrainingLock } from './training-lock.ts';
export { openRunWriter, queueRun, type RunWriter } from './writer.ts';
