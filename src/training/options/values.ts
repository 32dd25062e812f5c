/** Parsers for option values. Each function throws InvalidValue with what the option expects. */

/** The command line's library recognises this code, and adds which option the value belongs to. */
export class InvalidValue extends Error {
  readonly code = 'commander.invalidArgument';
}

const number = (text: string) => {
  const value = Number(text);
  if (!text.trim() || !Number.isFinite(value)) throw new InvalidValue('It must be a number.');
  return value;
};

/** A whole number from `minimum` to `maximum`. */
export const integer =
  (minimum: number, maximum = Number.MAX_SAFE_INTEGER) =>
  (text: string) => {
    const value = number(text);
    if (Number.isSafeInteger(value) && value >= minimum && value <= maximum) return value;
    const range =
      maximum < Number.MAX_SAFE_INTEGER ? `from ${minimum} to ${maximum}` : `of at least ${minimum}`;
    throw new InvalidValue(`It must be a whole number ${range}.`);
  };

/** A number from `low` to `high`; `high` may be Infinity. */
export const between = (low: number, high: number) => (text: string) => {
  const value = number(text);
  if (value >= low && value <= high) return value;
  const range = high < Infinity ? `from ${low} to ${high}` : `of at least ${low}`;
  throw new InvalidValue(`It must be a number ${range}.`);
};

export const positive = (text: string) => {
  const value = number(text);
  if (value <= 0) throw new InvalidValue('It must be above 0.');
  return value;
};

/** Comma-separated names. */
export const list = (text: string): string[] => text.split(',').map((name) => name.trim());
