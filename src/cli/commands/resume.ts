import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { findRun, isAlive, openRunWriter, readRun, withTraining } from '../../runs/index.ts';
import { UserError } from '../../protocol/errors.ts';
import { artefactName, type RunSpec } from '../../protocol/run.ts';
import { finishRun } from '../processes/finish-run.ts';
import { launchOnItsOwn } from '../processes/launch.ts';
import { printJson } from '../view/output.ts';
import { requireBase } from '../machine/run-base.ts';
import { addFollowOptions, type FollowOptions } from './train.ts';

export function resumeCommand(): Command {
  const command = new Command('resume')
    .description('go on with a run from its newest checkpoint')
    .argument('<run>', 'its id, or how it begins, or latest');
  return addFollowOptions(command).action(async (wanted: string, options: FollowOptions) => {
    const dir = await findRun(wanted);
    const { spec, state, events } = await readRun(dir);
    if (isAlive(state))
      throw new UserError(
        'run-locked',
        `Run ${spec.id} is being trained by process ${state.pid}.`,
        `Follow it with {show ${spec.id}}.`,
      );
    // One whose result was deleted is made again of its last checkpoint.
    if (state.status === 'done' && (spec.imported || existsSync(join(dir, artefactName(spec)))))
      throw new UserError('bad-argument', `Run ${spec.id} is done.`, `See it with {show ${spec.id}}.`);
    if (state.error?.code === 'diverged')
      throw new UserError(
        'diverged',
        `Run ${spec.id} diverged, and from the same place at the same learning rate it would again.`,
        `Train anew with a lower rate: {train ${material(spec)} --lr ${Number((spec.hyper.learningRate / 3).toPrecision(1))}}, and the other options as before.`,
      );
    await requireBase(spec);
    await withTraining(`The training of ${spec.name}`, async (lock) => {
      // From here on a cancellation is one of what begins now.
      const writer = await openRunWriter(dir);
      await writer.state({ status: 'queued' }).finally(() => writer.close());
      const trainer = await launchOnItsOwn(dir, lock, events.length);
      if (options.detach)
        return options.json ? printJson({ run: spec.id, dir }) : console.log(`Run ${spec.id} goes on.`);
      await finishRun(dir, trainer, options);
    });
  });
}

/** The folder and the data set as arguments. */
const material = ({ folder, corpus }: RunSpec) =>
  [folder && `"${folder}"`, corpus.data !== undefined && `--data "${corpus.data}"`].filter(Boolean).join(' ');
