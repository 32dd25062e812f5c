/**
 * RepoBench v1.1 (Liu et al. 2023, arXiv 2306.03091): the next line of a file, given parts of other files of its
 * repository. Prompt, the line that counts, and metrics as in its own scripts.
 */
import { z } from 'zod';
import { languageIdForPath } from '../../completion/index.ts';
import { taskFacts } from '../../findings/task-facts.ts';
import { fuzzyRatio, sameWords } from '../scoring/code-match.ts';
import { chooseRows, rowFormat, type Benchmark } from '../scoring/rows.ts';
import { firstCodeLine } from '../scoring/statement.ts';
import { lastTokens } from '../scoring/cut-tokens.ts';
import { createItem, type Item, type Plan, type PlanContext, type Task } from '../task.ts';

const row = z.object({
  repo_name: z.string(),
  file_path: z.string(),
  context: z.array(z.object({ path: z.string(), snippet: z.string() })),
  import_statement: z.string(),
  cropped_code: z.string(),
  next_line: z.string(),
});
export type RepoBenchRow = z.output<typeof row>;

const benchmark: Benchmark<RepoBenchRow> = {
  name: 'repobench',
  ...taskFacts.repobench,
  source: 'tianyang/repobench_python_v1.1:data/cross_file_first-00000-of-00002-baebda7f3a6e980a.parquet',
  formats: [rowFormat(row, (values) => values)],
  quick: 20,
};

/** Tokens of prompt and answer. The benchmark's own script gives a prompt up to 15,800. */
const ROOM = { quick: 2048, paper: 4096 };
const MAX_TOKENS = 64;

const fewerBlankLines = (text: string) => text.replaceAll(/\n{4,}/g, '\n\n');

/**
 * The prompt: other files first, then the file's imports and code. If `fits` says that it is too long, the last lines
 * of the other files are left out, as the benchmark does; if the file alone is, its beginning.
 */
export function repoBenchPrompt(
  { repo_name, file_path, context, import_statement, cropped_code }: RepoBenchRow,
  room: number,
  tokenizer: Parameters<typeof lastTokens>[2],
): string {
  const comment = languageIdForPath(file_path) === 'python' ? '#' : '//';
  const others = fewerBlankLines(
    `${comment} Repo Name: ${repo_name}\n${context.map(({ path, snippet }) => `${comment} Path: ${path}\n${snippet}\n\n`).join('')}`,
  );
  const fileText = fewerBlankLines(`${comment} Path: ${file_path}\n${import_statement}\n${cropped_code}\n`);
  const countTokens = (text: string) => tokenizer.encode(text).length;
  let remaining = room - countTokens(fileText);
  if (remaining <= 0) return lastTokens(fileText, room, tokenizer);
  const contextLines: string[] = [];
  for (const line of others.split('\n')) {
    remaining -= countTokens(`${line}\n`);
    if (remaining < 0) return `${contextLines.join('\n')}\n\n${fileText}`;
    contextLines.push(line);
  }
  return others + fileText;
}

interface LineItem extends Item {
  prompt: string;
  wanted: string;
  languageId: string;
}

async function plan(context: PlanContext): Promise<Plan<LineItem>> {
  const { base, setting } = context;
  const { rows, total: of } = await chooseRows(benchmark, context);
  const tokenizer = await base.tokenizer();
  const all = Math.min(ROOM[setting], await base.contextLength());
  return {
    items: rows.map(({ name, value }) => {
      const { file_path: path, next_line: wanted, repo_name: document } = value;
      const prompt = repoBenchPrompt(value, all - MAX_TOKENS, tokenizer);
      return {
        ...createItem(name, { prompt, wanted, languageId: languageIdForPath(path) }, { wanted }),
        document,
      };
    }),
    setting: `${rows.length} of ${of} next lines, prompts of at most ${all - MAX_TOKENS} tokens, greedy, at most ${MAX_TOKENS} tokens`,
    measures: [
      { metric: 'exact match', unit: '', better: 'higher', binary: true },
      { metric: 'edit similarity', unit: '', better: 'higher' },
    ],
  };
}

export const repoBenchTask: Task<LineItem> = {
  name: 'repobench',
  ...taskFacts.repobench,
  version: 1,
  onlyByName: true,
  contextTokens: ROOM.paper,
  parallel: 4,
  plan,
  async score({ prompt, wanted, languageId }, model, { signal }) {
    const { text } = await model.complete({ prompt, maxTokens: MAX_TOKENS, temperature: 0 }, signal);
    const line = firstCodeLine(text, languageId);
    return {
      parts: {
        'exact match': { sum: Number(sameWords(line, wanted)), weight: 1 },
        'edit similarity': { sum: fuzzyRatio(line, wanted), weight: 1 },
      },
      detail: { answer: line },
    };
  },
};
