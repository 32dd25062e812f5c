/** The panel from top to bottom. A new section is a file here and a line in `sections`. */
import { ComparisonsSection } from './comparisons.ts';
import { CorpusSection } from './corpus.ts';
import { EmptySection } from './empty.ts';
import { ExampleSection } from './example.ts';
import { FactsSection } from './facts.ts';
import { HeadlineSection } from './headline.ts';
import { HeaderSection } from './header.ts';
import type { Actions, Section } from './section.ts';
import { StatusSection } from './status.ts';
import { WarningsSection } from './warnings.ts';

/** What stands above the charts, and what below. */
export function sections(actions: Actions): { top: Section[]; bottom: Section[] } {
  return {
    top: [
      new HeaderSection(actions),
      new EmptySection(),
      new HeadlineSection(),
      new StatusSection(actions),
      new WarningsSection(),
      new ComparisonsSection(),
    ],
    bottom: [new ExampleSection(), new FactsSection(), new CorpusSection()],
  };
}
