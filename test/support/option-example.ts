import { flagName, type AnyOption } from '../../src/training/options/option.ts';

/** An option of `train` as a person gives it, with a value that is not its default. */
export function exampleOf({ flags, off, parse, choices, default: usual }: AnyOption): string[] {
  const flag = `--${flagName((off ?? { flags }).flags)}`;
  if (!/[<[]/.test(flags)) return [flag];
  if (choices) return [flag, choices.findLast((choice) => choice !== usual)!];
  return [flag, ['mlp', '9', '0.7', 'functions'].find((text) => isRead(parse, text))!];
}

function isRead(parse: AnyOption['parse'], text: string): boolean {
  try {
    parse?.(text);
    return true;
  } catch {
    return false;
  }
}
