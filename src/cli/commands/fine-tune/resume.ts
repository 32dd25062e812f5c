import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { findRun, isAlive, queueRun, readRun, withTraining } from '../../../runs/index.ts';
import { msg, UserError } from '../../../text/errors.ts';
import { artefactName, type RunSpec } from '../../../protocol/run.ts';
import { resumeOnCluster } from '../../processes/cluster-job.ts';
import { finishRun } from '../../processes/finish-run.ts';
import { launchDetached } from '../../processes/launch.ts';
import { print, printJson } from '../../view/output.ts';
import { followOptions, type FollowOptions } from '../../../training/options/command.ts';
import { requireBase } from '../../machine/run-base.ts';
import { addOptions } from '../../options/add-options.ts';

export function resumeCommand(): Command {
  const command = new Command('resume')
    .description('resume a run from its newest checkpoint, or reattach to a run on a cluster')
    .argument('<run>', 'id of a run, the start of one, or latest');
  addOptions(command, followOptions).option('--yes', 'send it to its cluster again without asking');
  return command.action(async (wanted: string, options: FollowOptions & { yes?: boolean }) => {
    const dir = await findRun(wanted);
    const { spec, state, events } = await readRun(dir);
    if (isAlive(state))
      throw new UserError(
        'run-locked',
        msg`Run ${spec.id} is being trained by process ${state.pid!}.`,
        msg`Follow it with {show ${spec.id}}.`,
      );
    // If the result was deleted, it is made again from the last checkpoint.
    if (state.status === 'done' && (spec.imported || existsSync(join(dir, artefactName(spec)))))
      throw new UserError('bad-argument', msg`Run ${spec.id} is done.`, msg`See it with {show ${spec.id}}.`);
    if (state.error?.code === 'diverged')
      throw new UserError(
        'diverged',
        msg`Run ${spec.id} diverged, and would diverge again from the same checkpoint with the same learning rate.`,
        msg`Start a new training run with a lower rate: {train ${dataArguments(spec)} --lr ${Number((spec.hyper.learningRate / 3).toPrecision(1))}}, and the other options as before.`,
      );
    const there = await resumeOnCluster(dir, options);
    if (there && options.detach) return printDetached(spec, dir, options);
    if (there) return finishRun(dir, there, options);
    await requireBase(spec);
    await withTraining(msg`The training of ${spec.name}`, async (lock) => {
      await queueRun(dir);
      const trainer = await launchDetached(dir, lock, events.length);
      if (options.detach) return printDetached(spec, dir, options);
      await finishRun(dir, trainer, options);
    });
  });
}

const printDetached = ({ id }: RunSpec, dir: string, { json }: FollowOptions) =>
  json ? printJson({ run: id, dir }) : print(`Run ${id} is training again.`);

/** The folder and the data set as arguments. */
const dataArguments = ({ folder, corpus }: RunSpec) =>
  [folder && `"${folder}"`, corpus.data !== undefined && `--data "${corpus.data}"`].filter(Boolean).join(' ');
