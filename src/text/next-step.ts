/**
 * Next steps, which texts refer to by name: "Go on with {resume RUN}." The command line shows a step as a command, VS
 * Code and the panel as a button. Texts of earlier versions contain commands instead, which are also understood.
 */
import { z } from 'zod';

interface Step {
  /** Title of the button, and of the command in VS Code. */
  title: string;
  /** VS Code's command id without "forgetMeNot."; its argument is the subject. */
  command: string;
  /** What to type after "forget-me-not". */
  typed(subject: string): string;
}

const withSubject = (name: string, missing = '') => ({
  typed: (subject: string) => [name, subject || missing].filter(Boolean).join(' '),
});

const steps = {
  resume: { title: 'Resume Training', command: 'resumeTraining', ...withSubject('resume') },
  /** Subject: a run, optionally followed by tasks. */
  evaluate: {
    title: 'Measure Result',
    command: 'measureResult',
    typed: (subject) =>
      ['evaluate', ...subject.split(' ')]
        .join(' ')
        .trim()
        .replace(/^(\S+ \S+) /, '$1 --tasks '),
  },
  'install-runtime': {
    title: 'Install TensorFlow',
    command: 'installRuntime',
    typed: (subject) => `runtime install${subject === 'gpu' ? ' --gpu' : ''}`,
  },
  /** Subject: "cuda", or nothing for Vulkan. */
  'install-gpu': {
    title: 'Install GPU Support',
    command: 'installGpu',
    typed: (subject) => `runtime install-gpu${subject === 'cuda' ? ' --cuda' : ''}`,
  },
  fetch: { title: 'Download Base Model', command: 'fetchBase', ...withSubject('models fetch', 'BASE') },
  models: { title: 'Fine-tune on Workspace', command: 'fineTune', typed: () => 'models' },
  doctor: { title: 'Doctor', command: 'doctor', typed: () => 'doctor' },
  runs: { title: 'Show Runs', command: 'showRuns', typed: () => 'runs' },
  show: { title: 'Show Results', command: 'showResults', ...withSubject('show') },
  cancel: { title: 'Stop Training', command: 'stopTraining', ...withSubject('cancel') },
  train: {
    title: 'Fine-tune on Workspace',
    command: 'fineTune',
    ...withSubject('train', 'FOLDER --minutes 10'),
  },
  sweep: { title: 'Find Learning Rate', command: 'findLearningRate', ...withSubject('sweep', 'FOLDER') },
  /** For an external completion server. On the command line this is an option and a variable, see its help. */
  'endpoint-token': {
    title: 'Set Completion Server Token',
    command: 'setEndpointToken',
    typed: () => 'complete --help',
  },
  'endpoint-model': {
    title: 'Choose Completion Server Model',
    command: 'chooseEndpointModel',
    typed: () => 'complete --help',
  },
  /** Shows the options of a command. */
  options: { title: 'Open Settings', command: 'openSettings', typed: (subject) => `${subject} --help` },
} satisfies Record<string, Step>;

export const stepIds = Object.keys(steps) as [keyof typeof steps, ...(keyof typeof steps)[]];
export const nextStepSchema = z.object({ id: z.enum(stepIds), subject: z.string().max(1000) });
export type NextStep = z.infer<typeof nextStepSchema>;

export const titleOf = ({ id }: Pick<NextStep, 'id'>): string => steps[id].title;
export const commandOf = ({ id }: Pick<NextStep, 'id'>): string => `forgetMeNot.${steps[id].command}`;

const named = new RegExp(`\\{(${stepIds.join('|')})(?: ([^{}]*))?\\}`, 'g');
const stepOf = (id: string, subject = ''): NextStep => ({
  id: id as NextStep['id'],
  subject: subject.trim(),
});

/** The text with commands, for a terminal. */
export const forTerminal = (text: string): string =>
  text.replace(named, (_, id: string, subject?: string) => {
    const command = `forget-me-not ${steps[id as NextStep['id']].typed(stepOf(id, subject).subject)}`;
    return command.includes('"') ? command : `"${command}"`;
  });

/**
 * The text for a place with buttons, and the steps that get one.
 * @param name formats a button's title within a sentence, including quotes
 */
export function forButtons(
  text: string,
  name: (step: NextStep) => string = (step) => `"${titleOf(step)}"`,
): { text: string; steps: NextStep[] } {
  const found: NextStep[] = [];
  const said = withoutCommands(text).replace(named, (_, id: string, subject?: string) => {
    const step = stepOf(id, subject);
    if (!found.some((one) => titleOf(one) === titleOf(step))) found.push(step);
    return name(step);
  });
  return { text: said, steps: found };
}

/** Other commands in texts of earlier versions. */
const otherCommands =
  'cache|changed|compare|complete|corpus|export|import|preferences|publish|report|reproduce|runtime|serve|strength|sweeps';
/** The beginning of a command. Folders and runs may also be named forget-me-not. */
const start = `(?<![\\p{L}\\p{N}_/\\\\.-])forget-me-not (?=(?:${stepIds.join('|')}|${otherCommands})(?![\\p{L}\\p{N}_-]))`;
const quotedCommand = new RegExp(`(["\`])${start}([^"\`]*)\\1`, 'gu');
const bareCommand = new RegExp(`${start}((?:"[^"]*"|[^\\s,;."]|\\.(?=\\S)| (?!and |or |then ))+)`, 'gu');

/** Converts commands in texts of earlier versions to steps: in quotes, or up to the end of their clause. */
const withoutCommands = (text: string): string =>
  text
    .replace(quotedCommand, (_, _quote, typed: string) => read(typed))
    .replace(bareCommand, (_, typed: string) => read(typed));

function read(typed: string): string {
  const [name = '', ...rest] = typed.trim().split(/\s+/);
  const run = rest[0]?.startsWith('--') ? '' : (rest[0] ?? '');
  if (rest.includes('--help')) return `{options ${name}}`;
  if (name === 'runtime' && run === 'install-gpu')
    return rest.includes('--cuda') ? '{install-gpu cuda}' : '{install-gpu}';
  if (name === 'runtime') return rest.includes('--gpu') ? '{install-runtime gpu}' : '{install-runtime}';
  if (name === 'models') return run === 'fetch' ? `{fetch ${rest[1] ?? ''}}` : '{models}';
  if (name === 'evaluate')
    return `{evaluate ${run} ${rest[rest.indexOf('--tasks') + 1 || rest.length] ?? ''}}`;
  if (['resume', 'show', 'cancel'].includes(name)) return `{${name} ${run}}`;
  return (stepIds as string[]).includes(name) ? `{${name}}` : 'the command line';
}
