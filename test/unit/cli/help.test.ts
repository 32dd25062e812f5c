import { describe, expect, it } from 'vitest';
import { commandGroups } from '../../../src/cli/commands/index.ts';
import { arrangeHelp, help } from '../../../src/cli/view/help.ts';

const commands = await Promise.all(
  Object.values(commandGroups)
    .flatMap((group) => Object.values(group))
    .map(async (load) => load()),
);
const optionsOf = (name: string) =>
  commands
    .find((one) => one.name() === name)!
    .options.map(({ long, short }) => [long, short])
    .flat();

describe('--help', () => {
  it('has examples for every command, and only for commands', () =>
    expect(Object.keys(help).sort()).toEqual(commands.map((one) => one.name()).sort()));

  it.each(Object.entries(help))(
    'of %s mentions only existing commands and options',
    (name, { mostUsed = [], examples }) => {
      for (const [line] of examples) {
        expect(line.split(' ')[0]).toBe(name);
        const flags = line.split(' ').filter((word) => word.startsWith('-'));
        expect(optionsOf(name)).toEqual(expect.arrayContaining(flags));
      }
      expect(optionsOf(name)).toEqual(expect.arrayContaining(mostUsed.map((one) => `--${one}`)));
    },
  );

  it('shows the most used options first, then the others by topic, then examples', () => {
    const train = commands.find((one) => one.name() === 'train')!;
    const known = train.options.length;
    arrangeHelp(train);
    let shown = '';
    train.configureOutput({ writeOut: (text) => (shown += text) }).outputHelp();
    const headings = shown.match(/^\S.*$/gm)!.filter((line) => /^(Most used|More|Examples)/.test(line));
    expect(headings).toEqual([
      'Most used:',
      'More: what to learn from',
      'More: budget and step size',
      'More: how it trains',
      'More: what is measured, and which result is kept',
      'More: this machine',
      'More: a Ray cluster',
      'Examples:',
    ]);
    expect(train.options).toHaveLength(known);
    expect(shown.indexOf('--minutes')).toBeLessThan(shown.indexOf('--weight-decay'));
  });
});
