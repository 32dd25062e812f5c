/**
 * Prompt formats of code models for filling in the middle and for other files, by the model's name: for servers without
 * their own template. The markers are from the models' papers and tokenizers. Pure.
 */
import type { ContextFile, RepositoryPath } from '../../completion/types.ts';

/** The input of a template. */
export interface Gap {
  prefix: string;
  /** The beginning of the text between prefix and suffix, if already written. */
  begun?: string | undefined;
  suffix: string;
  context?: readonly ContextFile[] | undefined;
  place?: RepositoryPath | undefined;
}

export interface FimTemplate {
  /** The model family, for the log. */
  name: string;
  fill(prefix: string, suffix: string): string;
  /** Texts that the server parses as special tokens. */
  marks: readonly string[];
  /** The format for several files; absent if the model has none. */
  files?: { repository: string; file: string; gap: string };
  /** Texts that end an answer if the server outputs special tokens. At most two, because OpenAI accepts four. */
  ends: readonly string[];
}

/** Prefix, suffix, middle: the order of most models. */
function inOrder(before: string, after: string, middle: string): Pick<FimTemplate, 'fill' | 'marks'> {
  return {
    fill: (prefix, suffix) => before + prefix + after + suffix + middle,
    marks: [before, after, middle],
  };
}

const qwen: FimTemplate = {
  name: 'Qwen-Coder',
  ...inOrder('<|fim_prefix|>', '<|fim_suffix|>', '<|fim_middle|>'),
  files: { repository: '<|repo_name|>', file: '<|file_sep|>', gap: '\n' },
  ends: ['<|file_sep|>', '<|endoftext|>'],
};
const starCoder: FimTemplate = {
  name: 'StarCoder',
  ...inOrder('<fim_prefix>', '<fim_suffix>', '<fim_middle>'),
  ends: ['<|endoftext|>'],
};
const starCoder2: FimTemplate = {
  ...starCoder,
  name: 'StarCoder2',
  files: { repository: '<repo_name>', file: '<file_sep>', gap: '' },
  ends: ['<file_sep>', '<|endoftext|>'],
};
const deepSeek: FimTemplate = {
  name: 'DeepSeek-Coder',
  ...inOrder('<｜fim▁begin｜>', '<｜fim▁hole｜>', '<｜fim▁end｜>'),
  ends: ['<｜end▁of▁sentence｜>'],
};
const codeLlama: FimTemplate = {
  name: 'CodeLlama',
  fill: (prefix, suffix) => `<PRE> ${prefix} <SUF>${suffix} <MID>`,
  marks: ['<PRE>', '<SUF>', '<MID>'],
  ends: ['<EOT>'],
};
const codestral: FimTemplate = {
  name: 'Codestral',
  fill: (prefix, suffix) => `[SUFFIX]${suffix}[PREFIX]${prefix}`,
  marks: ['[SUFFIX]', '[PREFIX]', '[MIDDLE]'],
  ends: [],
};
const codeGemma: FimTemplate = {
  name: 'CodeGemma',
  ...inOrder('<|fim_prefix|>', '<|fim_suffix|>', '<|fim_middle|>'),
  ends: ['<|file_separator|>'],
};

/** The first match wins. Names are in lower case. */
const byName: readonly [RegExp, FimTemplate][] = [
  [/qwen[-_. ]?(2\.5|3|3\.5)?[-_. ]?coder/, qwen],
  [/codeqwen/, { ...starCoder, name: 'CodeQwen' }],
  [/star[-_]?coder[-_]?2|smollm2/, starCoder2],
  [/star[-_]?coder|stable[-_]?code|granite.*code/, starCoder],
  [/deepseek[-_]?coder/, deepSeek],
  // The 34B, the 70B and the Python models were not trained to fill in the middle.
  [/code[-_]?llama(?!.*(34b|70b|python))/, codeLlama],
  [/codestral/, codestral],
  [/code[-_]?gemma/, codeGemma],
];

/** The template for the first known name: the model's own, then its file's and its base's. */
export function findTemplate(names: readonly string[]): FimTemplate | undefined {
  for (const name of names) {
    const entry = byName.find(([pattern]) => pattern.test(name.toLowerCase()));
    if (entry) return entry[1];
  }
  return undefined;
}

/**
 * The prompt with the model's own markers; without text after the cursor, a plain continuation. Code that contains a
 * marker is cut there, and other files with one are left out: a server would parse it as a special token.
 */
export function layOutGap(template: FimTemplate, gap: Gap): string {
  const { files } = template;
  const marks = [...template.marks, ...template.ends, ...(files ? [files.repository, files.file] : [])];
  const { begun = '' } = gap;
  const whole = afterMarks(gap.prefix + begun, marks);
  const suffix = beforeMarks(gap.suffix, marks);
  const opening = files ? layOutFiles(files, gap, marks) : '';
  if (!suffix.trim()) return opening + whole;
  // If `begun` contains a marker, everything before it is cut, including the prefix.
  const prefix = whole.slice(0, Math.max(0, whole.length - begun.length));
  return opening + template.fill(prefix, suffix) + whole.slice(prefix.length);
}

/** The other files, then the path of the one with the cursor. */
function layOutFiles(
  { repository, file, gap }: NonNullable<FimTemplate['files']>,
  { context = [], place }: Gap,
  marks: readonly string[],
): string {
  const isClean = (text: string) => !marks.some((mark) => text.includes(mark));
  const others = context.filter(({ filename, text }) => isClean(filename) && isClean(text));
  if (!place || !isClean(place.path + place.repository)) return '';
  const laidOut = others.map(({ filename, text }) => `${file}${filename}\n${text.replace(/\n?$/, '\n')}`);
  return `${repository}${place.repository}${gap}${laidOut.join('')}${file}${place.path}\n`;
}

function afterMarks(text: string, marks: readonly string[]): string {
  const ends = marks
    .filter((mark) => text.includes(mark))
    .map((mark) => text.lastIndexOf(mark) + mark.length);
  return text.slice(Math.max(0, ...ends));
}

function beforeMarks(text: string, marks: readonly string[]): string {
  const begins = marks.map((mark) => text.indexOf(mark)).filter((at) => at >= 0);
  return text.slice(0, Math.min(text.length, ...begins));
}
