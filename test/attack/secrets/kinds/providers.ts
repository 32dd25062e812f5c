/** Tokens of providers, under names that say what they are and names that don't, as arguments and in text. */
import type { Draw } from '../draw.ts';
import {
  csharp,
  everything,
  go,
  java,
  javascript,
  kotlin,
  markdown,
  notebook,
  php,
  python,
  ruby,
  rust,
  shell,
  swift,
  typescript,
} from '../languages/index.ts';
import { assigned, shaped, type Kind, type Language } from '../model.ts';
import { fill } from '../draw.ts';
import { providers, type Provider } from './provider-formats.ts';

const NEUTRAL = ['value', 'client', 'credential', 'integration', 'setting'];

/** Where a token occurs without any name. */
const PLACES: readonly (readonly [readonly Language[], Readonly<Record<string, string>>])[] = [
  [
    [python, notebook, ruby],
    {
      argument: '{w} = {W}({value})',
      'second argument': '{w}.connect("{w}", {value})',
      'in a list': '{w}s = ["{w}", {value}]',
    },
  ],
  [
    [javascript, typescript],
    {
      argument: 'const {w} = new {W}({value});',
      'second argument': "{w}.start('{w}', {value});",
      'in a list': 'const {w}s = [{value}];',
    },
  ],
  [[go], { argument: '{w} := {w}.New({value})' }],
  [[java, kotlin, csharp], { argument: 'var {w} = new {W}({value});' }],
  [[rust, swift], { argument: 'let {w} = {W}::new({value});' }],
  [[php], { argument: '${w} = new {W}({value});' }],
  [[shell], { argument: './{w} {value} --verbose', comment: '# try {value}\n./{w}' }],
  [[markdown], { sentence: 'The {w} of {w} uses {value} for now.', bare: '{w} (do not share): {value}' }],
];

const nameless = (token: (draw: Draw) => string) =>
  PLACES.flatMap(([languages, templates]) =>
    shaped(
      languages,
      Object.fromEntries(
        Object.entries(templates).map(([name, template]) => [
          name,
          (draw: Draw, language: Language) =>
            fill(template, draw, { value: language.quote(token(draw), draw) }),
        ]),
      ),
    ),
  );

const cellsOf = ({ token, names, evident }: Provider) => [
  ...assigned(everything, { names, value: token, extents: ['alone'] }),
  ...(evident
    ? [...assigned(everything, { names: NEUTRAL, value: token, extents: ['prefixed'] }), ...nameless(token)]
    : []),
];

export const providerTokens: Kind[] = providers.map((provider) => ({
  name: `token of ${provider.name}`,
  family: 'provider tokens',
  cells: cellsOf(provider),
}));
