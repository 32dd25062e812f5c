/** Keywords by the editor's language identifier. Words for literals (True, false) are identifiers, as in dpu-utils. */
const words = (text: string): ReadonlySet<string> => new Set(text.split(' '));

const java =
  'abstract assert boolean break byte case catch char class const continue default do double else enum extends final finally float for goto if implements import instanceof int interface long native new package private protected public return short static strictfp super switch synchronized this throw throws transient try void volatile while';

export const keywords: Readonly<Record<string, ReadonlySet<string>>> = {
  python: words(
    'None and as assert async await break class continue def del elif else except finally for from global if import in is lambda nonlocal not or pass raise return try while with yield',
  ),
  java: words(java),
  csharp: words(
    'abstract as base bool break byte case catch char checked class const continue decimal default delegate do double else enum event explicit extern finally fixed float for foreach goto if implicit in int interface internal is lock long namespace new object operator out override params private protected public readonly ref return sbyte sealed short sizeof stackalloc static string struct switch this throw try typeof uint ulong unchecked unsafe ushort using virtual void volatile while',
  ),
  typescript: words(
    'abstract any as async await boolean break case catch class const constructor continue debugger declare default delete do else enum export extends finally for from function get if implements import in instanceof interface is keyof let module namespace never new null number of package private protected public readonly require return set static string super switch symbol this throw try type typeof undefined unique unknown var void while with yield',
  ),
};
