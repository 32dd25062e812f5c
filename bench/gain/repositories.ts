/**
 * Repositories for judging default runs, for tuning defaults, and for training foreign adapters only. They are recent
 * packages, so that a base has memorised little of them, and contain their original sources. Each is pinned by its
 * checksum; their code is not stored here.
 */
import { UserError } from '../../src/text/errors.ts';

/** `folder`: the part of the package that is used, if not all of it; likewise below. */
export interface Npm {
  kind: 'npm';
  package: string;
  version: string;
  folder?: string;
}
/** A source distribution of PyPI. */
export interface Sdist {
  kind: 'sdist';
  project: string;
  version: string;
  folder?: string;
}
/** A Debian package of a Go or Rust library. `folder`: the sources' folder in the package. */
export interface Debian {
  kind: 'debian';
  package: string;
  version: string;
  folder: string;
}

export interface Repository {
  name: string;
  language: string;
  /** `partner`: used only to train an adapter that is the control for another repository. */
  use: 'report' | 'tuning' | 'partner';
  source: Npm | Sdist | Debian;
  /** SHA-256 of the package's file, in lower-case hexadecimal. */
  sha256: string;
}

const gocode = 'usr/share/gocode/src';

export const repositories: readonly Repository[] = [
  {
    name: 'pgqueuer',
    language: 'Python',
    use: 'report',
    source: { kind: 'sdist', project: 'pgqueuer', version: '1.6.0' },
    sha256: 'ed1306404f96e25c84c951f434e8b06b091e04e0177af0d5441505a7944f156e',
  },
  {
    name: 'wireup',
    language: 'Python',
    use: 'report',
    source: { kind: 'sdist', project: 'wireup', version: '2.9.0' },
    sha256: 'd26e320d0a2def0de8dee7aff610443f9ad02ef998ed7ddaa5c9137c17304ae4',
  },
  {
    name: 'loro-extended',
    language: 'TypeScript',
    use: 'report',
    source: { kind: 'npm', package: '@loro-extended/repo', version: '5.4.2' },
    sha256: '6de90c51fb6d9df644bd27436db41149f223f81609a8fb7f4d613b18e22bf3ed',
  },
  {
    name: 'porto',
    language: 'TypeScript',
    use: 'report',
    source: { kind: 'npm', package: 'porto', version: '0.2.37' },
    sha256: 'cd4ab10b4cd10dfa45f4a5511723f226906fdcce4380c8254f846621669ce4e6',
  },
  {
    name: 'sigstore-go',
    language: 'Go',
    use: 'report',
    source: {
      kind: 'debian',
      package: 'golang-github-sigstore-sigstore-go-dev',
      version: '0.7.1-2',
      folder: `${gocode}/github.com/sigstore/sigstore-go`,
    },
    sha256: 'd9abd12075480d1e3d9935e63ad7dce6209ff2b39805bfb27af1866d99294d35',
  },
  {
    name: 'zizmor',
    language: 'Rust',
    use: 'report',
    // The release before the one that bench:felt types, so that both use one adapter.
    source: { kind: 'sdist', project: 'zizmor', version: '1.31.1' },
    sha256: 'eb9c8a3e2c1080810fdb68bc36717b2a9d61283bb98e3a48689f5a852fc48e9f',
  },
  {
    name: 'react-native-enriched',
    language: 'Kotlin',
    use: 'report',
    source: {
      kind: 'npm',
      package: 'react-native-enriched',
      version: '0.8.1',
      folder: 'android/src/main/java',
    },
    sha256: 'f9373a1d904e32ca7ceb6cff0413abf87e932eed6b53a99cf44e0f769779dc46',
  },
  {
    name: 'anta',
    language: 'Python',
    use: 'tuning',
    source: { kind: 'sdist', project: 'anta', version: '1.9.0' },
    sha256: '08c35c01682c0ab2fc8836d3fb14f4bfb738ef3f6ca4d565c3894cdb243c510e',
  },
  {
    name: 'tanstack-db',
    language: 'TypeScript',
    use: 'tuning',
    source: { kind: 'npm', package: '@tanstack/db', version: '0.15.2' },
    sha256: '18682e004ce628f78fd144409e8780c9cca774eaac141f953d1a146a573738b9',
  },
  {
    name: 'cue-oci',
    language: 'Go',
    use: 'tuning',
    source: {
      kind: 'debian',
      package: 'golang-github-cue-labs-oci-dev',
      version: '0.0~git20241125.2c00c10-1',
      folder: `${gocode}/cuelabs.dev/go/oci`,
    },
    sha256: 'f9b9d9e78347d569cd5c3b1d61717b52d416392e37580db70466eaa1d2aebb02',
  },
  {
    name: 'prek',
    language: 'Rust',
    use: 'partner',
    source: { kind: 'sdist', project: 'prek', version: '0.5.9' },
    sha256: '47bc660a7e959860a44afb5ff3dc167d96f04d929b405020a0f2c7683d3d00d8',
  },
  {
    name: 'expo-ui',
    language: 'Kotlin',
    use: 'partner',
    source: { kind: 'npm', package: '@expo/ui', version: '58.0.6', folder: 'android' },
    sha256: 'db58cc9ed9768ccc80ee5b11ea98bffd7ab871797728ede4566a4980563c0102',
  },
];

/**
 * The repository whose adapter is the control for `one`: another one in its language, if possible with the same use, so
 * that fewer are trained and reported and tuned repositories stay separate. Undefined if there is none.
 */
export function partnerOf(
  repository: Pick<Repository, 'name' | 'language' | 'use'>,
  all: readonly Repository[] = repositories,
): Repository | undefined {
  const alike = all.filter(
    ({ name, language }) => language === repository.language && name !== repository.name,
  );
  const preferred = [repository.use, 'partner', 'tuning', 'report'];
  return alike.sort((a, b) => preferred.indexOf(a.use) - preferred.indexOf(b.use))[0];
}

/** Throws UserError bad-argument, listing the known names. */
export function repositoriesNamed(names: readonly string[]): readonly Repository[] {
  const unknown = names.filter((name) => !repositories.some((repository) => repository.name === name));
  if (unknown.length === 0) return repositories.filter(({ name }) => names.includes(name));
  throw new UserError(
    'bad-argument',
    `There is no repository ${unknown.join(', ')}.`,
    `There are ${repositories.map(({ name }) => name).join(', ')}.`,
  );
}
