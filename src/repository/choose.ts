/** Chooses what of the repository goes into a prompt, under a budget of characters. Pure. */
import { importedStems, languageFor } from '../completion/index.ts';
import { candidatesOf, type Repository } from './candidates.ts';
import { takeBest } from './excerpts.ts';
import { partSources, type Asked, type Part, type PartSource } from '../protocol/repository.ts';

export type { Repository } from './candidates.ts';

/** Most of the budget that each source may use. */
export type Shares = Readonly<Record<PartSource, number>>;

export const defaultShares: Shares = {
  definitions: 0.6,
  own: 0.3,
  callers: 0.3,
  imports: 0.3,
  similar: 0.6,
  'co-change': 0.3,
  edits: 0.25,
  diagnostics: 0.1,
};

/** Co-change and diagnostics wait for figures that they help (docs/science.md). */
export const defaultSources: readonly PartSource[] = partSources.filter(
  (source) => source !== 'co-change' && source !== 'diagnostics',
);

/** Parts in at most `budget` characters: files first, the most useful last; then recent edits and diagnostics. */
export function chooseParts(repository: Repository, asked: Asked, shares = defaultShares): Part[] {
  const { sources = defaultSources } = asked;
  const wanted = (source: PartSource) => sources.includes(source);
  const edits = wanted('edits') ? editParts(asked, shares.edits) : [];
  const problems = wanted('diagnostics') ? problemParts(asked, shares.diagnostics) : [];
  const last = [...edits, ...problems];
  const room = asked.budget - lengthOf(last);
  const stems = importedStems(asked.before, asked.languageId);
  const cached = new Map<string, readonly string[] | undefined>();
  const lines = (path: string) => {
    if (!cached.has(path)) cached.set(path, repository.text(path)?.split(/\r?\n/));
    return cached.get(path);
  };
  const excerpts = candidatesOf({ ...repository, lines }, asked, stems).filter(({ source }) =>
    wanted(source),
  );
  return [...takeBest(excerpts, lines, room, shares), ...last];
}

const lengthOf = (parts: readonly Part[]) =>
  parts.reduce((sum, { filename, text }) => sum + filename.length + text.length, 0);

/** The newest edits that the prompt does not show anyway; the newest last. */
function editParts({ before, after, shown, budget, edits }: Asked, share: number): Part[] {
  const visible = (before.slice(-shown.before) + after.slice(0, shown.after)).replaceAll('\r\n', '\n');
  const parts: Part[] = [];
  let room = budget * share;
  for (const { path, text: edited } of edits) {
    const text = edited.replaceAll('\r\n', '\n');
    const whole = text.endsWith('\n') ? text : `${text}\n`;
    if (!whole.trim() || visible.includes(whole.trimEnd())) continue;
    const cost = path.length + whole.length;
    if (cost > room) break;
    room -= cost;
    parts.unshift({ filename: path, text: whole, sources: ['edits'] });
  }
  return parts;
}

/** What the editor says about the cursor's lines, as comments. */
function problemParts({ path, languageId, budget, problems }: Asked, share: number): Part[] {
  const comment = languageFor(languageId).lineComments?.[0] ?? '//';
  let text = '';
  for (const { message, line } of problems) {
    const next = `${comment} ${line.trim()}\n${comment} ${message.replaceAll(/\s+/g, ' ')}\n`;
    if (path.length + text.length + next.length <= budget * share) text += next;
  }
  return text ? [{ filename: path, text, sources: ['diagnostics'] }] : [];
}
