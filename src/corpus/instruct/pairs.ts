/** Instruction pairs from code folders: documented functions, and commits with their diffs. */
import { UserError } from '../../text/errors.ts';
import {
  describeFolders,
  documentPath,
  foldersOf,
  type Folders,
  type NamedFolder,
} from '../../protocol/folders.ts';
import type { CorpusPlan } from '../../protocol/run.ts';
import { BadValue } from '../datasets/formats.ts';
import { cancelled, readDocuments } from '../reading/documents.ts';
import type { Globs } from '../reading/globs.ts';
import { fileExtension } from '../names.ts';
import type { SourceDocument } from '../reading/source.ts';
import { NoRepository } from '../reading/git.ts';
import { commitPairs, type CommitPair } from './commits.ts';
import { documentedFunctions, documentedLanguages, type DocumentedFunction } from './functions.ts';
import type { ChatTemplate } from '../datasets/chat-template.ts';

export interface PairOptions extends Folders {
  globs?: Globs | undefined;
  kinds: CorpusPlan['pairs'];
  template: ChatTemplate;
  /** Rows of a data set follow. */
  isFollowed?: boolean;
  onWarning?: ((message: string) => void) | undefined;
  signal?: AbortSignal | undefined;
}

/**
 * Conversations of one question and one answer, from the files that training on the folders would also read. Errors:
 * corpus-empty if there are none, with what was searched; corpus-unreadable; chat-template; cancelled.
 */
export async function* workspacePairs(options: PairOptions): AsyncGenerator<SourceDocument> {
  const { kinds, globs, template, isFollowed = false, onWarning } = options;
  const searched: string[] = [];
  const unread: string[] = [];
  let count = 0;
  const refused: string[] = [];
  // Functions first: once it is known which are held out and which learned, commits that show them can be left out.
  const functionsFirst = kinds.toSorted((a, b) => Number(b === 'functions') - Number(a === 'functions'));
  const sources = functionsFirst.flatMap((kind) =>
    kind === 'functions'
      ? [functionPairs(options)]
      : foldersOf(options).map((folder) => commitPairsOf(folder, options, unread)),
  );
  for (const [index, pairs] of sources.entries()) {
    const isLast = index === sources.length - 1 && !isFollowed;
    for (;;) {
      const next = await pairs.next();
      if (next.done) {
        searched.push(next.value);
        break;
      }
      const { path, question, answer, ...rest } = next.value;
      try {
        const pieces = await template.render([
          { role: 'user', content: question },
          { role: 'assistant', content: answer },
        ]);
        count += 1;
        yield { path, pieces, ...rest, ...(!isLast && { source: `pairs ${index}` }) };
      } catch (error) {
        if (!(error instanceof BadValue)) throw error;
        refused.push(`${path}: ${error.message}`);
      }
    }
  }
  if (refused.length)
    onWarning?.(`${refused.length} instruction pairs were left out, such as ${refused[0]}.`);
  for (const why of unread) onWarning?.(why);
  if (count > 0) return;
  throw new UserError(
    'corpus-empty',
    `There are no instruction pairs in ${[describeFolders(options), String(globs ?? '')].filter(Boolean).join(' with ')}: ${searched.join('; ')}.`,
    'Choose another folder, give --data, or use --mode pretrain.',
  );
}

interface Pair extends Omit<SourceDocument, 'pieces' | 'source'> {
  question: string;
  answer: string;
}

async function* functionPairs({ folder, folders, globs, signal }: PairOptions): AsyncGenerator<Pair, string> {
  let files = 0;
  for await (const document of readDocuments({ folder, folders, globs, signal })) {
    if (!document.in) continue;
    files += 1;
    for (const fn of documentedFunctions(document.path, document.text))
      yield {
        path: `${document.path}:${fn.line}`,
        together: document.path,
        question: functionQuestion(fn),
        answer: fenced(fn.fence, fn.source),
        code: fn.source,
      };
  }
  return `${files} files were searched for functions with a documentation comment (${documentedLanguages})`;
}

const functionQuestion = ({ language, fence, documentation, signature }: DocumentedFunction) =>
  `Write this ${language} function.\n\n${documentation}\n\n${fenced(fence, signature)}`;

async function* commitPairsOf(
  { path: folder, name }: NamedFolder,
  { globs, signal }: PairOptions,
  unread: string[],
): AsyncGenerator<Pair, string> {
  let done = 0;
  const onCommit = () => void (done += 1);
  try {
    for await (const commit of commitPairs({ folder, globs: globs?.forFolder(name), signal, onCommit }))
      yield {
        path: documentPath({ name }, `commit ${commit.hash.slice(0, 12)}`),
        question: changeQuestion(commit),
        answer: fenced('diff', commit.diff),
        diff: commit.diff,
        shows: commit.before.map(({ path }) => documentPath({ name }, path)),
        together: commit.hash,
        // Later commits change the same lines again, so what is held out must be newer than what is learned.
        age: commit.age,
      };
  } catch (error) {
    if (signal?.aborted) throw cancelled();
    if (!(error instanceof NoRepository)) throw error;
    unread.push(
      `The commits of ${folder} can't be read (${error.message}), so nothing is learned from them.`,
    );
    return `${name ? `the commits of ${folder}` : 'its commits'} can't be read (${error.message})`;
  }
  return `${done} commits${name ? ` of ${folder}` : ''} were searched for small code changes with a message of some words`;
}

function changeQuestion({ message, before }: CommitPair): string {
  const files = before.map(({ path, text }) =>
    text ? `${path}:\n${fenced(fileExtension(path), text)}` : `${path} is a new file.`,
  );
  return ['Make this change and answer with a diff.', message, ...files].join('\n\n');
}

/** The text in a code fence longer than any fence inside it. */
function fenced(language: string, text: string): string {
  const longest = Math.max(2, ...(text.match(/`{3,}/g) ?? []).map(({ length }) => length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}${language}\n${text.replace(/\n+$/, '')}\n${fence}`;
}
