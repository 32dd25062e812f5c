/**
 * Two consecutive releases each of repositories that nothing was tuned on. Registries have no commit history, so what
 * was typed is derived from the difference between releases. Pinned by checksum; their code is not stored here.
 */
import type { Repository } from '../gain/repositories.ts';

export interface Releases {
  name: string;
  language: string;
  /** Source files of the language, without build output. */
  sources: RegExp;
  old: Repository;
  now: Repository;
}

const sdist = (project: string, version: string, sha256: string, language: string): Repository => ({
  name: project,
  language,
  use: 'report',
  source: { kind: 'sdist', project, version },
  sha256,
});

const npm = (name: string, version: string, sha256: string): Repository => ({
  name,
  language: 'TypeScript',
  use: 'report',
  source: { kind: 'npm', package: name, version },
  sha256,
});

export const releases: readonly Releases[] = [
  {
    name: 'pgqueuer 1.5.0 -> 1.6.0',
    language: 'Python',
    sources: /\.py$/,
    old: sdist(
      'pgqueuer',
      '1.5.0',
      '8c433007e2baf95eefd162fb2f398b3e43eda391e92018d794b914dcf6bdc25e',
      'Python',
    ),
    now: sdist(
      'pgqueuer',
      '1.6.0',
      'ed1306404f96e25c84c951f434e8b06b091e04e0177af0d5441505a7944f156e',
      'Python',
    ),
  },
  {
    name: 'porto 0.2.35 -> 0.2.37',
    language: 'TypeScript',
    sources: /^(?!(?:.*\/)?dist\/).*(?<!\.d)\.tsx?$/,
    old: npm('porto', '0.2.35', '5c370fe5b9801da1eaf096ce560dd02695d7fc438d0ad070d0193f3e2ff063c4'),
    now: npm('porto', '0.2.37', 'cd4ab10b4cd10dfa45f4a5511723f226906fdcce4380c8254f846621669ce4e6'),
  },
  {
    name: 'zizmor 1.31.1 -> 1.32.0',
    language: 'Rust',
    sources: /\.rs$/,
    old: sdist(
      'zizmor',
      '1.31.1',
      'eb9c8a3e2c1080810fdb68bc36717b2a9d61283bb98e3a48689f5a852fc48e9f',
      'Rust',
    ),
    now: sdist(
      'zizmor',
      '1.32.0',
      'f0b664d394576e08605fe8094e8e992056d74b808f30c0c9ca9ed227001dcf67',
      'Rust',
    ),
  },
];
