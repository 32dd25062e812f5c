/**
 * CrossCodeEval (Ding et al. 2023, arXiv 2310.11248): statements that need code of other files, in Python, Java, C# and
 * TypeScript. Its metrics: exact match of the lines, edit similarity, and both of the identifiers. The other files'
 * code precedes the prompt, as in the benchmark; a base that fills in the middle also gets the text after the cursor,
 * which the paper's setting does not have. Open brackets and strings, not a parser, say whether a Python statement has
 * ended.
 */
import { z } from 'zod';
import { languageIdForPath } from '../../completion/index.ts';
import { taskFacts } from '../../findings/task-facts.ts';
import {
  identifierF1,
  listIdentifiers,
  nonBlankLines,
  fuzzyRatio,
  withoutComments,
} from '../scoring/code-match.ts';
import { keywords } from '../scoring/keywords.ts';
import { chooseRows, rowFormat, type Benchmark } from '../scoring/rows.ts';
import { firstStatement } from '../scoring/statement.ts';
import { firstTokens, lastTokens } from '../scoring/cut-tokens.ts';
import {
  createItem,
  type Item,
  type ItemScore,
  type Measure,
  type Plan,
  type PlanContext,
  type Task,
} from '../task.ts';

const own = {
  prompt: z.string(),
  right_context: z.string(),
  groundtruth: z.string(),
  metadata: z.object({ task_id: z.string(), repository: z.string(), file: z.string() }),
};
const retrieved = z.object({ ...own, crossfile_context: z.object({ text: z.string() }) });
type Row = z.output<typeof retrieved>;

const benchmark: Benchmark<Row> = {
  name: 'crosscodeeval',
  ...taskFacts.crosscodeeval,
  source: 'Vincentvmt/CrossCodeEval:crosscodeeval_data/python/line_completion_rg1_bm25.jsonl',
  formats: [
    rowFormat(retrieved, (row) => row),
    /** Files without retrieved context. */
    rowFormat(z.object(own), (row) => ({ ...row, crossfile_context: { text: '' } })),
  ],
  quick: 40,
};

/** Tokens, as in the benchmark's own script; it has no text after the cursor. */
const ROOM = { all: 2048, answer: 50, others: 512, after: 256 };

export interface CursorPlace {
  prompt: string;
  suffix: string;
  /** The whole text before the cursor: it determines where a statement ends. */
  before: string;
  wanted: string;
  languageId: string;
}

type PlaceItem = Item & CursorPlace;

async function plan(context: PlanContext): Promise<Plan<PlaceItem>> {
  const { base } = context;
  const { rows, total: of } = await chooseRows(benchmark, context);
  const tokenizer = await base.tokenizer();
  const room = Math.min(ROOM.all, await base.contextLength()) - ROOM.answer;
  const canInfill = await base.fillsInTheMiddle();
  const items = rows.map(({ value: { prompt, right_context: after, groundtruth, metadata, ...row } }) => {
    const others = firstTokens(row.crossfile_context.text, ROOM.others, tokenizer);
    const suffix = canInfill ? firstTokens(after, ROOM.after, tokenizer) : '';
    const remaining = room - tokenizer.encode(`${others}\n`).length - tokenizer.encode(suffix).length;
    const place: CursorPlace = {
      prompt: `${others}\n${lastTokens(prompt, Math.max(1, remaining), tokenizer)}`,
      suffix,
      before: prompt,
      wanted: groundtruth,
      languageId: languageIdForPath(metadata.file),
    };
    const item = createItem(metadata.task_id, place, { wanted: groundtruth });
    return { ...item, document: metadata.repository };
  });
  const how = canInfill ? 'filled in before the text that follows' : 'without the text that follows';
  return {
    items,
    setting: `${rows.length} of ${of} statements, ${how}, ${ROOM.others} tokens of other files, greedy, at most ${ROOM.answer} tokens`,
    measures: [
      { metric: 'exact match', unit: '', better: 'higher', binary: true },
      { metric: 'edit similarity', unit: '', better: 'higher' },
      { metric: 'identifier exact match', unit: '', better: 'higher', binary: true },
      { metric: 'identifier F1', unit: '', better: 'higher' },
    ] satisfies Measure[],
  };
}

/** The benchmark's metrics for an answer (its eval_metric.py). */
export function scoreStatement(
  answer: string,
  { before, wanted, languageId }: Pick<CursorPlace, 'before' | 'wanted' | 'languageId'>,
): ItemScore['parts'] {
  const statement = withoutComments(firstStatement(before, answer, languageId));
  const target = withoutComments(wanted);
  const languageKeywords = keywords[languageId] ?? new Set<string>();
  const [names, wantedNames] = [
    listIdentifiers(statement, languageKeywords),
    listIdentifiers(target, languageKeywords),
  ];
  const one = (sum: number) => ({ sum, weight: 1 });
  return {
    'exact match': one(Number(nonBlankLines(statement).join('\n') === nonBlankLines(target).join('\n'))),
    'edit similarity': one(fuzzyRatio(statement.trim(), target.trim())),
    'identifier exact match': one(Number(names.join(' ') === wantedNames.join(' '))),
    'identifier F1': one(identifierF1(names, wantedNames)),
  };
}

export const crossCodeEvalTask: Task<PlaceItem> = {
  name: 'crosscodeeval',
  ...taskFacts.crosscodeeval,
  version: 1,
  onlyByName: true,
  contextTokens: ROOM.all,
  parallel: 8,
  plan,
  async score(item, model, { signal }) {
    const { prompt, suffix } = item;
    const request = { prompt, ...(suffix && { suffix }), maxTokens: ROOM.answer, temperature: 0 };
    const { text } = await model.complete(request, signal);
    return { parts: scoreStatement(text, item), detail: { answer: text } };
  },
};
