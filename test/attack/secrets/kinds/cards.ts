/** Card numbers that pass Luhn's check, as all cards do. */
import type { Draw } from '../draw.ts';
import {
  code,
  csharp,
  everything,
  java,
  javascript,
  json,
  kotlin,
  markdown,
  notebook,
  python,
  scripts,
  settings,
  sql,
  typescript,
  yaml,
} from '../languages/index.ts';
import { assigned, kindsOf, shaped } from '../model.ts';

/** The first digits of issuers' cards, and the length. */
const ISSUERS: readonly (readonly [string, number])[] = [
  ['4', 16],
  ['51', 16],
  ['55', 16],
  ['2221', 16],
  ['37', 15],
  ['6011', 16],
  ['3528', 16],
];

export function luhnDigit(digits: string): string {
  const sum = [...digits].reverse().reduce((total, digit, index) => {
    const value = Number(digit) * (index % 2 ? 1 : 2);
    return total + (value > 9 ? value - 9 : value);
  }, 0);
  return String((10 - (sum % 10)) % 10);
}

export function cardNumber(draw: Draw, grouped: boolean): string {
  const [prefix, length] = draw.pick(ISSUERS);
  const body = prefix + draw.chars(length - prefix.length - 1, '0123456789');
  const digits = body + luhnDigit(body);
  const groups = length === 15 ? /^(.{4})(.{6})(.{5})$/ : /^(.{4})(.{4})(.{4})(.{4})$/;
  return grouped
    ? digits.replace(groups, (_, ...parts: string[]) =>
        parts.slice(0, length === 15 ? 3 : 4).join(draw.pick([' ', '-'])),
      )
    : digits;
}

const CARD_NAMES = ['card number', 'credit card', 'card', 'pan', 'cc number', 'credit card number'];

export const cards = kindsOf('cards', {
  'card number': assigned(
    everything.filter(({ name }) => name !== 'environment file'),
    { names: CARD_NAMES, value: (draw) => cardNumber(draw, false), extents: ['alone', 'prefixed'] },
  ),
  'card number in groups': assigned(
    [...code, json, yaml, markdown, sql, ...scripts.slice(0, 1), ...settings.slice(2, 4)],
    { names: CARD_NAMES, value: (draw) => cardNumber(draw, true), extents: ['alone', 'prefixed'] },
  ),
  'card among fields': [
    ...shaped([javascript, typescript], {
      object: (draw) =>
        `await pay({ number: '${cardNumber(draw, draw.chance(0.5))}', expMonth: 12, expYear: 2027, cvc: '${draw.digits(3)}' });`,
    }),
    ...shaped([python, notebook], {
      dictionary: (draw) =>
        `payment = {"card": {"number": "${cardNumber(draw, draw.chance(0.5))}", "exp_month": 4, "cvc": "${draw.digits(3)}"}}`,
    }),
    ...shaped([json], {
      object: (draw) =>
        `"payment": { "holder": "${draw.capital()} ${draw.capital()}", "cardNumber": "${cardNumber(draw, false)}", "expiry": "11/27" }`,
    }),
    ...shaped([sql], {
      inserted: (draw) =>
        `INSERT INTO cards (holder, pan, expiry) VALUES ('${draw.capital()} ${draw.capital()}', '${cardNumber(draw, false)}', '11/27');`,
    }),
    ...shaped([java, kotlin, csharp], {
      'new object': (draw) =>
        `new CreditCard("${cardNumber(draw, draw.chance(0.5))}", "${draw.capital()} ${draw.capital()}", "11/27");`,
    }),
  ],
});
