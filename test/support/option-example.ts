import { flagName, type AnyOption } from '../../src/training/options/option.ts';

/** An option of `train` as a user gives it, with a value other than its default. */
export function exampleOf({ flags, off, parse, choices, default: usual }: AnyOption): string[] {
  const flag = `--${flagName((off ?? { flags }).flags)}`;
  if (!/[<[]/.test(flags)) return [flag];
  if (choices) return [flag, choices.findLast((choice) => choice !== usual)!];
  const text = ['mlp', '9', '0.7', '0.2', 'functions'].find((one) => isRead(parse, one));
  if (text === undefined) throw new Error(`Add a text that ${flag} takes to test/support/option-example.ts.`);
  return [flag, text];
}

function isRead(parse: AnyOption['parse'], text: string): boolean {
  try {
    parse?.(text);
    return true;
  } catch {
    return false;
  }
}
