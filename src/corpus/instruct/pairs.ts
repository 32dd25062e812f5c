/** Instruction pairs from folders of code: documented functions, commits with their diffs, and repeated edits. */
import { UserError } from '../../text/errors.ts';
import {
  describeFolders,
  documentPath,
  foldersOf,
  type Folders,
  type NamedFolder,
} from '../../protocol/folders.ts';
import type { CorpusPlan } from '../../protocol/run.ts';
import { editAnswer, fenced } from '../../next-edit/edit-task.ts';
import { taskQuestion } from '../../next-edit/rewrite.ts';
import { BadValue } from '../datasets/formats.ts';
import { cancelled, readDocuments } from '../reading/documents.ts';
import type { Globs } from '../reading/globs.ts';
import { extensionOf } from '../names.ts';
import type { SourceDocument } from '../reading/source.ts';
import { NoRepository } from '../reading/git.ts';
import { commitPairs, commitsOfEdits, describedCommits, type CommitPair, type Wanted } from './commits.ts';
import { editTasksOf } from './edits.ts';
import { documentedFunctions, documentedLanguages, type DocumentedFunction } from './functions.ts';
import type { ChatTemplate } from '../datasets/chat-template.ts';

export interface PairOptions extends Folders {
  globs?: Globs | undefined;
  kinds: CorpusPlan['pairs'];
  template: ChatTemplate;
  onWarning?: ((message: string) => void) | undefined;
  signal?: AbortSignal | undefined;
}

/**
 * Conversations of one question and one answer, from the files that training on the folders would read.
 * Errors: corpus-empty if there are none, with what was searched; corpus-unreadable; chat-template; cancelled.
 */
export async function* workspacePairs(options: PairOptions): AsyncGenerator<SourceDocument> {
  const { kinds, globs, template, onWarning } = options;
  const looked: string[] = [];
  let count = 0;
  const refused: string[] = [];
  const sources = kinds.flatMap((kind) =>
    kind === 'functions'
      ? [functions(options)]
      : foldersOf(options).map((folder) => history(folder, options, kind === 'edits' ? edited : described)),
  );
  for (const found of sources) {
    for (;;) {
      const next = await found.next();
      if (next.done) {
        looked.push(next.value);
        break;
      }
      const { path, question, answer, ...about } = next.value;
      try {
        const pieces = await template.render([
          { role: 'user', content: question },
          { role: 'assistant', content: answer },
        ]);
        count += 1;
        yield { path, pieces, ...about };
      } catch (error) {
        if (!(error instanceof BadValue)) throw error;
        refused.push(`${path}: ${error.message}`);
      }
    }
  }
  if (refused.length)
    onWarning?.(`${refused.length} instruction pairs were left out, such as ${refused[0]}.`);
  if (count > 0) return;
  throw new UserError(
    'corpus-empty',
    `There are no instruction pairs in ${[describeFolders(options), String(globs ?? '')].filter(Boolean).join(' with ')}: ${looked.join('; ')}.`,
    'Choose another folder, give --data, or use --mode pretrain.',
  );
}

interface Pair extends Pick<SourceDocument, 'path' | 'together' | 'age' | 'edit'> {
  question: string;
  answer: string;
}

async function* functions({ folder, folders, globs, signal }: PairOptions): AsyncGenerator<Pair, string> {
  let files = 0;
  for await (const document of readDocuments({ folder, folders, globs, signal })) {
    if (!document.in) continue;
    files += 1;
    for (const each of documentedFunctions(document.path, document.text))
      yield {
        path: `${document.path}:${each.line}`,
        together: document.path,
        question: asked(each),
        answer: fenced(each.fence, each.source),
      };
  }
  return `${files} files were searched for functions with a documentation comment (${documentedLanguages})`;
}

const asked = ({ language, fence, documentation, signature }: DocumentedFunction) =>
  `Write this ${language} function.\n\n${documentation}\n\n${fenced(fence, signature)}`;

/** What becomes of the commits of a folder. */
interface FromHistory {
  pairs: (commit: CommitPair) => Iterable<Pair>;
  wanted: Wanted;
  /** What the commits were searched for. */
  searchedFor: string;
}

const described: FromHistory = {
  wanted: describedCommits,
  searchedFor: 'small code changes with a message of some words',
  pairs: (commit) => [
    { path: nameOf(commit), question: changeAsked(commit), answer: fenced('diff', commit.diff) },
  ],
};

const edited: FromHistory = {
  wanted: commitsOfEdits,
  searchedFor: 'lines that were edited, and others that are like them',
  pairs: (commit) =>
    editTasksOf(commit).map(({ candidate, answer }) => {
      const language = extensionOf(candidate.place.path);
      return {
        ...{ path: nameOf(commit), edit: true },
        question: taskQuestion(candidate, (path) => path, language),
        answer: editAnswer(answer, language),
      };
    }),
};

const nameOf = ({ hash }: CommitPair) => `commit ${hash.slice(0, 12)}`;

async function* history(
  { path: folder, name }: NamedFolder,
  { globs, signal }: PairOptions,
  { pairs, wanted, searchedFor }: FromHistory,
): AsyncGenerator<Pair, string> {
  let done = 0;
  const onCommit = () => void (done += 1);
  try {
    for await (const commit of commitPairs({ folder, globs: globs?.of(name), signal, onCommit, wanted }))
      for (const pair of pairs(commit))
        yield {
          ...pair,
          path: documentPath({ name }, pair.path),
          // Later commits change the same lines again: what is held out must be newer than what is learned.
          ...{ together: commit.hash, age: commit.age },
        };
  } catch (error) {
    if (signal?.aborted) throw cancelled();
    if (!(error instanceof NoRepository)) throw error;
    return `${name ? `the commits of ${folder}` : 'its commits'} can't be read (${error.message})`;
  }
  return `${done} commits${name ? ` of ${folder}` : ''} were searched for ${searchedFor}`;
}

function changeAsked({ message, before }: CommitPair): string {
  const files = before.map(({ path, text }) =>
    text ? `${path}:\n${fenced(extensionOf(path), text)}` : `${path} is a new file.`,
  );
  return ['Make this change and answer with a diff.', message, ...files].join('\n\n');
}
