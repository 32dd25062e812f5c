import { expect, it } from 'vitest';
import { changelogOf } from '../../../scripts/release.mjs';

const changelog = `# Changelog
Keep a Changelog.

## [Unreleased]

## [0.2.0] - 2026-12-01
### Added
- Much, as in "## [0.1.0]".

### Fixed
- Little.

## [0.1.0] - 2026-11-01
### Added
- All.
`;

it('returns the section of a version, whole and without others', () => {
  expect(changelogOf('0.2.0', changelog)).toBe(
    '### Added\n- Much, as in "## [0.1.0]".\n\n### Fixed\n- Little.',
  );
  expect(changelogOf('0.1.0', changelog)).toBe('### Added\n- All.');
});

it.each(['0.3.0', 'Unreleased'])('rejects %s, which has no entries', (version) => {
  expect(() => changelogOf(version, changelog)).toThrow(/move "Unreleased" there/);
});
