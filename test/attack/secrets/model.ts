/** What the grammar is made of: kinds, each with its cells (a language and a spelling), which write a file. */
import { fill, type Draw } from './draw.ts';
import { EXTENTS, extended, written, type Extent, type Naming } from './names.ts';

export interface Language {
  name: string;
  /** Templates; see `fill`. */
  paths: readonly string[];
  namings: readonly Naming[];
  /** A text as a literal in this language. */
  quote(text: string, draw: Draw): string;
  /** A text inside a literal or element that the form itself writes. Unchanged by default. */
  escape?(text: string): string;
  /**
   * Ways to assign a value: {name} in the requested naming, {NAME} in capitals, {Name} in Pascal case, {value} a
   * literal or an expression, {raw} the text without quotes.
   */
  forms: Readonly<Record<string, string>>;
  /** Harmless pieces around it. Templates. */
  filler: readonly string[];
  /** A file made of pieces; joined by empty lines by default. */
  file?(pieces: readonly string[], draw: Draw): string;
}

export interface File {
  path: string;
  text: string;
  /** The decisive part of it. */
  piece: string;
}

export interface Cell {
  language: string;
  /** A form, and possibly a naming and an extent. */
  spelling: readonly string[];
  write(draw: Draw): File;
}

export interface Kind {
  name: string;
  family: string;
  cells: readonly Cell[];
}

/** A file with `piece` somewhere in it. */
export function fileWith(language: Language, piece: string, draw: Draw): File {
  const harmless = draw.some(language.filler, draw.between(0, 5)).map((template) => fill(template, draw));
  const pieces = harmless.toSpliced(draw.between(0, harmless.length), 0, piece);
  const text = language.file ? language.file(pieces, draw) : `${pieces.join('\n\n')}\n`;
  return { path: fill(draw.pick(language.paths), draw), text, piece };
}

export interface Assigned {
  /** Words of a name; one is drawn. */
  names: readonly string[];
  /** `plain`: without characters that need quotes. */
  value(draw: Draw, plain: boolean): string;
  /** The value is an expression, used as is, not a text to be quoted. */
  expression?: boolean;
  extents?: readonly Extent[];
  /** By default all that the language has. */
  forms?(form: string): boolean;
}

/** Cells for each form, naming and extent of each language. */
export function assigned(languages: readonly Language[], what: Assigned): Cell[] {
  return languages.flatMap((language) =>
    Object.entries(language.forms)
      .filter(
        ([form, template]) =>
          (what.forms?.(form) ?? true) && !(what.expression && template.includes('{raw}')),
      )
      .flatMap(([form, template]) =>
        language.namings.flatMap((naming) =>
          (what.extents ?? EXTENTS).map((extent) => ({
            language: language.name,
            spelling: [form, naming, extent],
            write: (draw: Draw) => {
              const words = extended(draw.pick(what.names).split(' '), extent, draw);
              const text = what.value(draw, template.includes('{raw}'));
              const piece = fill(template, draw, {
                name: written(words, naming),
                NAME: written(words, 'upper'),
                Name: written(words, 'pascal'),
                value: what.expression ? text : language.quote(text, draw),
                raw: language.escape?.(text) ?? text,
              });
              return fileWith(language, piece, draw);
            },
          })),
        ),
      ),
  );
}

/** Ways to write a piece, by name: a cell for each in each language. */
export function shaped(
  languages: readonly Language[],
  spellings: Readonly<Record<string, (draw: Draw, language: Language) => string>>,
): Cell[] {
  return languages.flatMap((language) =>
    Object.entries(spellings).map(([spelling, write]) => ({
      language: language.name,
      spelling: [spelling],
      write: (draw: Draw) => fileWith(language, write(draw, language), draw),
    })),
  );
}

/** Whole files of one format, by the names of their spellings. */
export function whole(
  language: string,
  paths: readonly string[],
  spellings: Readonly<Record<string, (draw: Draw) => string>>,
): Cell[] {
  return Object.entries(spellings).map(([spelling, write]) => ({
    language,
    spelling: [spelling],
    write: (draw: Draw) => {
      const piece = write(draw);
      return { path: fill(draw.pick(paths), draw), text: piece.endsWith('\n') ? piece : `${piece}\n`, piece };
    },
  }));
}

export const kindsOf = (family: string, kinds: Readonly<Record<string, readonly Cell[]>>): Kind[] =>
  Object.entries(kinds).map(([name, cells]) => ({ name, family, cells }));
