/**
 * Repositories whose releases stand for commits, because no host of git repositories is asked: each release that
 * contains the original sources, pinned by its checksum. Rules and limits were chosen on sqlglot (PyPI) and
 * @tanstack/db (npm), never on these.
 */
import type { Npm, Repository, Sdist } from '../gain/repositories.ts';

export interface Releases {
  name: string;
  language: string;
  /** The files that are compared, by their paths in a release. */
  files: RegExp;
  kind: Npm['kind'] | Sdist['kind'];
  project: string;
  /** From the oldest to the newest: version, and the checksum of the package's file in hexadecimal. */
  versions: readonly (readonly [version: string, sha256: string])[];
}

export const releases: readonly Releases[] = [
  {
    name: 'yt-dlp',
    language: 'Python',
    files: /^yt_dlp\/(?!extractor\/lazy|version).*\.py$/,
    kind: 'sdist',
    // Its nightly builds: often one commit, seldom more than five.
    project: 'yt_dlp',
    versions: [
      ['2026.6.24.234707.dev0', 'fe34585d55eebd29e0a43fc148a9abe90d28e052e8e748059599560c80f48ba0'],
      ['2026.6.26.234622.dev0', 'ee956edffff996fe06280fefdde830fc7beb4928aa09dd05352946060e5f0d82'],
      ['2026.6.27.234340.dev0', '412bc69b1a904f5e6b1f7894d62e6f1a4e962b22e07fb0d3ae43f38f43e66ad7'],
      ['2026.6.28.234618.dev0', '86b05ff3dda3e2f6002e7bb53aaee9f9226fef57c2b8a22246329dcfc03620a0'],
      ['2026.6.29.234344.dev0', 'c43b10bd7cfea135b11b634b4279ed73e7c4ee3ab2d46b4ef87adba5e8ad1ceb'],
      ['2026.6.30.234726.dev0', '89a4f73f936ad2da69699c6948f523e3288a5f5a00f1f8780919edeeea147838'],
      ['2026.7.1.235203.dev0', '01f5ca0c1dfcb9afaf6a11e21c909ca98689da53ee44791fff504af7110d0573'],
      ['2026.7.2.234458.dev0', 'd56e0edcb4436f8ea0f834266dfea9ac6203f29b592e4a1a9126a0741a8203b6'],
      ['2026.7.3.234421.dev0', '6e7563a04bf252bb59ab8085c767efa8498f8f76528d7494bd8106bad435877b'],
      ['2026.7.4.221833.dev0', '08fa28dc3ac54be37d12e6994cbb419259e2143459fa05a2383af0b2b194dea6'],
      ['2026.7.6.234510.dev0', '81e5614626c9d877097671b50ed094be688fcea9a70ec5307622f228a0c80a00'],
      ['2026.7.9.234832.dev0', '02564a1b92a948d9968c16236be65a9d1bbd47f9bddd45cd50d5d7aa142106f7'],
      ['2026.7.12.233956.dev0', '241babbc93137ab2eb50274433361c4fba486639ec3c1927992e6f8458fcb533'],
      ['2026.7.14.233956.dev0', 'e37defdf0df2d1f9267c585381a7599ffb5734bddb1cef19449b833e4b795514'],
      ['2026.7.20.234742.dev0', '9bc78a1b06ee4cbe4458d4676ab04fe1d6d1dc47e0512e2401990191800910e7'],
      ['2026.7.21.234255.dev0', '80bc521219c0ed0fd1201df9a3c7d1e49ed3b2e641b0bb07d7b7d52b64f39ca4'],
      ['2026.7.23.234303.dev0', '0f0e3e2c4f831ec3d7b0f072e447b7225b4cc2262afe4030884d3a88dfe99664'],
      ['2026.8.4.234419.dev0', '776bf1ca11985dfb9a3ba3f7fbda021720c70a064e1125bca51e76d5f456dd1c'],
      ['2026.8.16.20253.dev0', 'dee94d5ad9ab0862bdfadbf0f03705b70dcb743b650eebb7ac87b037b08bd3c5'],
      ['2026.8.17.73947.dev0', '34e176e29b59dd3bd208e42be72b77efb275bbbf3b07eb1eb158960da5128a55'],
      ['2026.8.18.122307.dev0', '463ce6b4bd05ab8c4eb24753f4144e73efbba4d5abe5ef256a9827e778b26b90'],
      ['2026.8.19.233000.dev0', '77965d45fa30affa6fbb1ab8ebf079b83dcb0d76aa3dbf14ad17fc91bb0f5dfd'],
      ['2026.8.20.234504.dev0', '0aceaf69a0e13c428123c493c6eeecb8ddc3b131ecb5b4a97f6687e894202337'],
      ['2026.8.25.233329.dev0', '5febcf1781f5634967b710c14bb1be312d9dc1347e4442bb3da7b6afb32dcfe6'],
      ['2026.8.27.3630.dev0', 'c3da1dd641dfcd052aea520d56dd131cb98a9581c862c8781faa31c0d1022a4a'],
      ['2026.8.27.231323.dev0', '66554df46632f22b8ff7c978e02f986078ce9965d9a001892192c9fd794ae599'],
      ['2026.8.29.232711.dev0', 'd33e417a3c6268b11b99bb5eeb71e67bb9819ea5b08e990b379614688682d800'],
      ['2026.8.30.232658.dev0', '53d1c7fc001a123288774f2b53327e1b0ce5ae045decaf859a7cbc22f9e1151b'],
      ['2026.9.16.232951.dev0', '5e83673631da906cd920e275df07b4874c64f1135e5f18d0503ebebe290a313c'],
      ['2026.9.27.232945.dev0', 'f09160be37c5bb2e51f2d17f6857e5108f3549caadf2d977009a14dff5b4f1e3'],
      ['2026.10.10.233141.dev0', '3782c394377a073903e55924a630a733c820fdb70cf8330525137f8fcef57a3d'],
      ['2026.10.21.202512.dev0', '574242b7626e747996109a8a4bcdc6c48fbbb90a1ac09f6e312b967412330623'],
      ['2026.10.21.233146.dev0', '10793ef91df7fe1a50c070e6bb4c1332e3a8aa5ece900e7abeabc9015edf10f3'],
      ['2026.10.23.233055.dev0', 'a76b72f23ee8def80f742dd1e56bbad726566c1b3ccaeb77791f8ec817c8dd27'],
      ['2026.10.26.220202.dev0', '0f3b8b44a828a1c840d22cac88988555ee43097bbf987312ce5d9bce96c57cf5'],
    ],
  },
  {
    name: 'viem',
    language: 'TypeScript',
    // What begins with "_" is compiled.
    files: /^(?!_).*\.tsx?$/,
    kind: 'npm',
    project: 'viem',
    versions: [
      ['2.57.4', 'c7f5eae6b3ee3d9b19130572b9c9ebbe766a81b89ed64a9417bc1fa2a1a9a6a4'],
      ['2.57.12', '4d5985dc40730de3fcab6296dcc1157e71afbcd39243e17f548abd5dc90b6dc5'],
      ['2.57.13', '70ff96950b2aa9ea5ad98019fabec39a72baedf74a865e6cda2649e5340e0f09'],
      ['2.57.20', '32241c5553f316a299921ce66ad2315e21a3b34d16c6bfc075a55e729c7207a2'],
    ],
  },
];

/** A release as something that bench:gain's downloads can fetch. */
export const packageOf = (
  { name, language, kind, project }: Releases,
  [version, sha256]: readonly [string, string],
): Repository => ({
  ...{ name: `${name}-${version}`, language, use: 'report', sha256 },
  source: kind === 'npm' ? { kind, package: project, version } : { kind, project, version },
});
