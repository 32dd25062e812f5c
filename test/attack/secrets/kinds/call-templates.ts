/** Templates of calls and headers that contain literals. */
import { fill, type Draw } from '../draw.ts';
import { shaped, type Language } from '../model.ts';
import { base64Of, host, opaqueKey, password, person } from '../values.ts';

export const basic = (draw: Draw) => base64Of(`${person(draw)}:${password(draw)}`);
type Spellings = Readonly<Record<string, string>>;

/**
 * Templates with literals: {user}, {pw}, {key}, {mail}, {basic} ("Basic ..."), {bearer} ("Bearer ..."), and without
 * quotes {rawpw}, {rawkey}, {rawbasic}; {host}.
 */
export function calls(...groups: readonly (readonly [readonly Language[], Spellings])[]) {
  return groups.flatMap(([languages, spellings]) =>
    shaped(
      languages,
      Object.fromEntries(
        Object.entries(spellings).map(([name, template]) => [
          name,
          (draw: Draw, language: Language) => {
            const literal = (text: string) => language.quote(text, draw);
            return fill(template, draw, {
              user: literal(person(draw)),
              mail: literal(`${draw.word()}@${draw.word()}.net`),
              pw: literal(password(draw)),
              key: literal(opaqueKey(draw)),
              basic: literal(`Basic ${basic(draw)}`),
              bearer: literal(`Bearer ${opaqueKey(draw)}`),
              rawpw: password(draw, true),
              rawkey: opaqueKey(draw),
              rawbasic: basic(draw),
              host: host(draw),
            });
          },
        ]),
      ),
    ),
  );
}
