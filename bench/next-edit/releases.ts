/**
 * Repositories whose releases stand in for commits, because no git host is contacted: all releases that contain the
 * original sources, pinned by checksum. Rules and limits were chosen on sqlglot (PyPI) and @tanstack/db (npm, in
 * `tuning`), never on these.
 */
import type { Npm, Repository, Sdist } from '../gain/repositories.ts';

export interface Releases {
  name: string;
  language: string;
  /** The files to compare, by their paths in a release. */
  files: RegExp;
  kind: Npm['kind'] | Sdist['kind'];
  project: string;
  /** Oldest first: version, and SHA-256 of the package's file in hexadecimal. */
  versions: readonly (readonly [version: string, sha256: string])[];
}

export const releases: readonly Releases[] = [
  {
    name: 'yt-dlp',
    language: 'Python',
    files: /^yt_dlp\/(?!extractor\/lazy|version).*\.py$/,
    kind: 'sdist',
    // Nightly builds: often one commit, rarely more than five.
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
    // Files whose names begin with "_" are compiled.
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

export const tuning: readonly Releases[] = [
  {
    name: 'tanstack-db',
    language: 'TypeScript',
    files: /^src\/.*\.ts$/,
    kind: 'npm',
    project: '@tanstack/db',
    versions: [
      ['0.6.11', '6b5e1da557cccf2fed4021d0f5148ce12036fdef8d72f3db895230b87ad45650'],
      ['0.6.12', 'e6bd7689ddf06334bf4357d5d50482db30fa7bd8dcacc1d223f654540b0051f1'],
      ['0.6.13', '1c78824006ccf2167da32b10b25831ad10852e37e388d4ccb70c7bb0f2f68a4b'],
      ['0.6.14', '2168c7a9f4bfb234482e88a8cbe0b5fe56c0172c7763f23ecd4cfdeb29b0f387'],
      ['0.6.16', 'ff82b7a929f1c06cd17e029ab5987c8f5a23adda7394e2c29288e74ba7f03a4c'],
      ['0.6.17', 'afb4f0d7ebd67380d8dc25bba0eaac163cf71421d3c165a6d2e31d2bd705867c'],
      ['0.7.0', 'fea85bb0cde76927bb77c20e3722898a66d1c1bc05f69f1ac1436868a9e23c2e'],
      ['0.7.1', 'd3ecf63a64d0cb2339ca843cd60a1c89597d721b34c10930aad64133283c1fc3'],
      ['0.7.2', '807e711d23ad421d683c6301209b1deb4fca7269fe72078a021e7022862bd230'],
      ['0.8.0', '11ab3febad1fa077c6986bc1d5a321a2065ee54b0ee1017481e82314d64a8adf'],
      ['0.8.1', '214a66aacd28bd0b5f1a82a89cfff0c9d6d0ba7b1dadae95e2890cceba920657'],
      ['0.8.2', 'ac8b82f7386ec32e0182798a957eea357cf651447623d34309d9eae75112356f'],
      ['0.8.3', '7feca1654488d762ca72047450cf8d89e5ffd578d87af5c36b976d2d7e676cc4'],
      ['0.8.4', 'c29d1518305f91002a6cc7b3d3cb4636b188bfc91db66014a6d79e9bd689f94e'],
      ['0.8.5', '4a6b0e66c839d3b551444319c76e222706527b9a689ee95db7a46d2bf9a94068'],
      ['0.8.6', 'f0bfbd33aeeaeedc16eb2abebca54a53f67f2b56c9e4b73d5bc7994c8d417d9d'],
      ['0.8.7', '81db09420c5f424deb6eb94806c1cd9b3c7d0ce02bc21521bc3769179ce7ed84'],
      ['0.9.0', 'ae51d76039841f17063e9829dfc0ef14592357ef0e6a7fee404159dde36b1303'],
      ['0.9.2', 'ecbcc3785cbfd16e39b7a234dabae173ebcb0d38dae127f316a46da7c72d90ef'],
      ['0.11.0', 'e9cad8ea69a0e3c658818f7bbe649f2cf90dea1e6f397b03e45835d1fabeaf68'],
      ['0.11.1', 'ef0f440192e85d88b55911c6aba65dc6c5ffe98815cf51762cbd5f43bd28aa86'],
      ['0.11.3', '9a14aa1e1bf9e3f52c96498326985b0dc1b85aee3aba02c0a29b13ac5693feb8'],
      ['0.12.0', '842f3ebcf01ff25d495a8a94ad83d4b480311cef949a4e081df00f3b6b98e58f'],
      ['0.12.1', '6284ed06e4efd027a54228035c98463ebfa810724501a0484ec6c7ac4da46da3'],
      ['0.12.3', '7adf3b89728dc1eb863d6496386101794a31ea5fbc5e9917708d5379e3904ada'],
      ['0.13.0', '148587801e9cd0b2ad4d2d3320ce88a3baceaff5b2226bda5f3a7545c41d58db'],
      ['0.14.0', 'e079ab12ba238dc1665147da2d389d1da7a9ecf405985cefd9523d4c070967a8'],
      ['0.15.0', 'b523586617aecf2835bd420eadc298c2dd4eb36ccbf048c1da241e962bd2d216'],
      ['0.15.1', '2d5dbcd362e7fbe6cda9e3bf95e97fe3ca9bb8ea14fc49a776940d5745f46b57'],
      ['0.15.2', '18682e004ce628f78fd144409e8780c9cca774eaac141f953d1a146a573738b9'],
    ],
  },
];

/** A release in the form that bench:gain's fetchRepository takes. */
export const packageOf = (
  { name, language, kind, project }: Releases,
  [version, sha256]: readonly [string, string],
): Repository => ({
  name: `${name}-${version}`,
  language,
  use: 'report',
  sha256,
  source: kind === 'npm' ? { kind, package: project, version } : { kind, project, version },
});
