/** Chooses the parts of the repository for a prompt, within a budget of characters. Pure. */
import { importedStems } from '../completion/index.ts';
import { findCandidates, type Repository } from './candidates.ts';
import { selectBest } from './excerpts.ts';
import { partSources, type Asked, type Part, type PartSource } from '../protocol/repository.ts';

export type { Repository } from './candidates.ts';

/** Maximum share of the budget per source. */
export type Shares = Readonly<Record<PartSource, number>>;

export const defaultShares: Shares = {
  definitions: 0.6,
  own: 0.3,
  callers: 0.3,
  imports: 0.3,
  similar: 0.6,
  edits: 0.25,
};

/** Parts in at most `budget` characters: files first, the most useful last; then recent edits. */
export function chooseParts(repository: Repository, asked: Asked, shares = defaultShares): Part[] {
  const sources: readonly PartSource[] = asked.sources ?? partSources;
  const isEnabled = (source: PartSource) => sources.includes(source);
  const edits = isEnabled('edits') ? editParts(asked, shares.edits) : [];
  const room = asked.budget - lengthOf(edits);
  const stems = importedStems(asked.before, asked.languageId);
  const cached = new Map<string, readonly string[] | undefined>();
  const lines = (path: string) => {
    if (!cached.has(path)) cached.set(path, repository.text(path)?.split(/\r?\n/));
    return cached.get(path);
  };
  const excerpts = findCandidates({ ...repository, lines }, asked, stems).filter(({ source }) =>
    isEnabled(source),
  );
  return [...selectBest(excerpts, lines, room, shares), ...edits];
}

const lengthOf = (parts: readonly Part[]) =>
  parts.reduce((sum, { filename, text }) => sum + filename.length + text.length, 0);

/** The newest edits outside of the prompt; the newest last. */
function editParts({ before, after, shown, budget, edits }: Asked, share: number): Part[] {
  const visible = (before.slice(-shown.before) + after.slice(0, shown.after)).replaceAll('\r\n', '\n');
  const parts: Part[] = [];
  let room = budget * share;
  for (const { path, text: edited } of edits) {
    const text = edited.replaceAll('\r\n', '\n');
    const terminated = text.endsWith('\n') ? text : `${text}\n`;
    if (!terminated.trim() || visible.includes(terminated.trimEnd())) continue;
    const cost = path.length + terminated.length;
    if (cost > room) break;
    room -= cost;
    parts.unshift({ filename: path, text: terminated, sources: ['edits'] });
  }
  return parts;
}
