/** The sections of the panel from top to bottom. A new section is a file here and a line in `sections`. */
import { AcceptanceSection } from './acceptance.ts';
import { AdviceSection } from './advice.ts';
import { ComparisonsSection } from './comparisons.ts';
import { CorpusSection } from './corpus.ts';
import { EmptySection } from './empty.ts';
import { FactsSection } from './facts.ts';
import { HeaderSection } from './header.ts';
import { NotesSection } from './notes.ts';
import { PlacesSection } from './places.ts';
import { RunComparisonSection } from './run-comparison.ts';
import type { Actions, Section } from './section.ts';
import { StatusSection } from './status.ts';
import { StrengthSection } from './strength.ts';
import { VerdictSection } from './verdict.ts';
import { WarningsSection } from './warnings.ts';

interface Sections {
  /** Above the charts that are always visible. */
  top: Section[];
  /** Below those charts. */
  middle: Section[];
  /** Under Details, below the other charts. */
  detailed: Section[];
  comparison: RunComparisonSection;
}

/** `filter`: the initial filter of the list of runs. */
export function sections(actions: Actions, filter: string): Sections {
  const comparison = new RunComparisonSection(actions, filter);
  return {
    comparison,
    top: [
      new HeaderSection(actions),
      new EmptySection(actions),
      new VerdictSection(actions),
      new StatusSection(actions),
      new WarningsSection(actions),
      new PlacesSection(),
    ],
    middle: [
      new StrengthSection(actions),
      new AdviceSection(),
      new ComparisonsSection(actions),
      new AcceptanceSection(),
      comparison,
    ],
    detailed: [new FactsSection(), new CorpusSection(), new NotesSection()],
  };
}
