/** The options of `train` that concern the command and its run, not what is learned. */
import type { OptionTable } from './option.ts';

export interface FollowOptions {
  detach?: boolean;
  report?: string;
  json?: boolean;
}

export interface CommandOptions {
  continue?: string;
  name?: string;
  yes?: boolean;
}

export const followOptions: OptionTable<FollowOptions> = {
  detach: {
    flags: '--detach',
    help: 'return as soon as the trainer has started',
    spec: null,
    support: { sweep: false, continue: 'own', workspace: false, cluster: true, rayTrain: true },
  },
  report: {
    flags: '--report <file>',
    help: 'write the report (one HTML file) there when done',
    spec: null,
    support: { sweep: false, continue: 'own', workspace: false, cluster: true, rayTrain: true },
  },
  json: {
    flags: '--json',
    help: 'print the result as JSON, progress as JSON lines on stderr',
    spec: null,
    support: { sweep: true, continue: 'own', workspace: false, cluster: true, rayTrain: true },
  },
};

export const commandOptions: OptionTable<CommandOptions> = {
  continue: {
    flags: '--continue <run>',
    help: 'start from the adapter of an earlier run: learn what has changed since, and replay some of what it learned before; options that are not given are as in that run',
    spec: null,
    support: { sweep: false, continue: 'own', workspace: false, cluster: true, rayTrain: true },
  },
  name: {
    flags: '--name <name>',
    help: "name of the run (default: the folder's name)",
    spec: 'run.name',
    support: { sweep: false, continue: 'inherited', workspace: false, cluster: true, rayTrain: true },
  },
  yes: {
    flags: '--yes',
    help: 'download what is missing, and send to a cluster, without asking',
    spec: null,
    support: { sweep: true, continue: 'own', workspace: false, cluster: true, rayTrain: true },
  },
};
