/**
 * What reference adapters are trained on: pinned packages in thirteen languages, under licences that permit it. Nothing
 * is ever tuned or reported on them. Their code is not stored here.
 */
import type { Repository } from '../gain/repositories.ts';

export interface ReferencePackage extends Pick<Repository, 'name' | 'language' | 'source' | 'sha256'> {
  licence: 'MIT' | 'BSD-3-Clause' | 'Apache-2.0';
  /** The files that are used, by their endings. */
  endings: readonly string[];
}

const gocode = 'usr/share/gocode/src';

export const referencePackages: readonly ReferencePackage[] = [
  {
    name: 'cyclopts',
    language: 'Python',
    licence: 'Apache-2.0',
    endings: ['.py'],
    source: { kind: 'sdist', project: 'cyclopts', version: '5.5.2', folder: 'cyclopts' },
    sha256: 'c0339b7ddd7b1c886f13bb8b68a6a65aa7144d3027f1d0e290be514b8fe1589b',
  },
  {
    name: 'trpc-server',
    language: 'TypeScript',
    licence: 'MIT',
    endings: ['.ts'],
    source: { kind: 'npm', package: '@trpc/server', version: '11.25.2', folder: 'src' },
    sha256: '43d5562bf3d3ca2ba55bb37a91020c19d90ddaa3359a1eb55e5fefc62c6cb29a',
  },
  {
    name: 'fastify',
    language: 'JavaScript',
    licence: 'MIT',
    endings: ['.js'],
    source: { kind: 'npm', package: 'fastify', version: '5.12.8', folder: 'lib' },
    sha256: '459048aabd9311309f4f95b36e8ca065e3a4613ded292bcf50442926931e4748',
  },
  {
    name: 'kong',
    language: 'Go',
    licence: 'MIT',
    endings: ['.go'],
    source: {
      kind: 'debian',
      package: 'golang-github-alecthomas-kong-dev',
      version: '0.9.0-1',
      folder: `${gocode}/github.com/alecthomas/kong`,
    },
    sha256: 'f1b5be52f3c3e4809c5838ee165673a9dd94decdc91cd6ebda714ca44bca2107',
  },
  {
    name: 'axum',
    language: 'Rust',
    licence: 'MIT',
    endings: ['.rs'],
    source: {
      kind: 'debian',
      package: 'librust-axum-dev',
      version: '0.7.9-13',
      folder: 'usr/share/cargo/registry/axum-0.7.9/src',
    },
    sha256: '54766c185060e2ed05437555e5158835f56aa6cd00cae884727fd6915e3e9c22',
  },
  {
    name: 'react-native-maps',
    language: 'Java',
    licence: 'MIT',
    endings: ['.java'],
    source: {
      kind: 'npm',
      package: 'react-native-maps',
      version: '1.29.11',
      folder: 'android/src/main/java/com/rnmaps',
    },
    sha256: '5874f46812fcf3b7a9fc17bd0fa775e3c0c4db711ce66d0bbec6c01fcca60e5e',
  },
  {
    name: 'react-native-screens',
    language: 'Kotlin',
    licence: 'MIT',
    endings: ['.kt'],
    source: {
      kind: 'npm',
      package: 'react-native-screens',
      version: '4.30.1',
      folder: 'android/src/main/java',
    },
    sha256: '04593f281d706615907e8df114288daa5145c4f5360c4743356dd460e979d23a',
  },
  {
    name: 'expo-camera',
    language: 'Swift',
    licence: 'MIT',
    endings: ['.swift'],
    source: { kind: 'npm', package: 'expo-camera', version: '57.0.6', folder: 'ios' },
    sha256: '394c5e20536b39dfe39484b4e4b8febdc7cc5193d3cb8432087e16361758910f',
  },
  {
    name: 'psutil',
    language: 'C',
    licence: 'BSD-3-Clause',
    endings: ['.c', '.h'],
    source: { kind: 'sdist', project: 'psutil', version: '7.2.2', folder: 'psutil' },
    sha256: '0746f5f8d406af344fd547f1c8daa5f5c33dbc293bb8d6a16d80b4bb88f59372',
  },
  {
    name: 'react-native-reanimated',
    language: 'C++',
    licence: 'MIT',
    endings: ['.cpp', '.h'],
    source: { kind: 'npm', package: 'react-native-reanimated', version: '4.8.0', folder: 'Common/cpp' },
    sha256: 'd0e73fcf912bfbee26654f07dea465af250f22e5d9f2a9a688981c6cca94808f',
  },
  {
    name: 'unitask',
    language: 'C#',
    licence: 'MIT',
    endings: ['.cs'],
    source: { kind: 'npm', package: 'com.cysharp.unitask', version: '2.2.5', folder: 'Runtime' },
    sha256: 'dd89936982fc32a962ac09db926ee0bcc7ca2ab9a02c1553393031345aaf7d2f',
  },
  {
    name: 'guzzle',
    language: 'PHP',
    licence: 'MIT',
    endings: ['.php'],
    source: {
      kind: 'debian',
      package: 'php-guzzlehttp-guzzle',
      version: '7.9.2-0.1',
      folder: 'usr/share/php/GuzzleHttp',
    },
    sha256: 'f5765d3e1722af5fc1f94421525758b54bfd5ec81a059725b2826639cb71704c',
  },
  {
    name: 'faraday',
    language: 'Ruby',
    licence: 'MIT',
    endings: ['.rb'],
    source: {
      kind: 'debian',
      package: 'ruby-faraday',
      version: '2.12.2-1',
      folder: 'usr/share/rubygems-integration/all/gems/faraday-2.12.2',
    },
    sha256: 'a9d4716ba27187f83cc393b0b770e6b365e75526643f5a729d10255395a12366',
  },
];
