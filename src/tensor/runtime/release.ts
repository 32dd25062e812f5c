/** Which TensorFlow is installed on which machine, and its size. Measured 2026-11. */
import type { WheelTags } from '../../base-models/pypi.ts';

export interface Release {
  version: string;
  /** PyPI project of the wheel that contains the libraries. */
  project: string;
  sha256: string;
  tags: WheelTags;
  /** Bytes, rounded up: total download, and size on disk afterwards. */
  download: number;
  installed: number;
}

const TENSORFLOW = '2.21.0';
/** Paths of the libraries in both wheels. The binding finds them by its rpath $ORIGIN/tensorflow. */
export const libraries = [
  'tensorflow/libtensorflow_cc.so.2',
  'tensorflow/libtensorflow_framework.so.2',
] as const;

// The libraries are C++ and the same for every Python, so one wheel serves whichever Python runs pip.
const tags = (arch: string): WheelTags => ({
  python: '3.12',
  platforms: [`manylinux_2_27_${arch}`, `manylinux2014_${arch}`, `manylinux_2_17_${arch}`],
});

const releases: Record<string, Release> = {
  'linux-x64 cpu': {
    version: TENSORFLOW,
    project: 'tensorflow-cpu',
    sha256: 'dcc8afd32930e42d5296b6ee19078b773706830af4ea97fbe503b9f5e0f820cb',
    tags: tags('x86_64'),
    download: 274e6,
    installed: 855e6,
  },
  'linux-x64 gpu': {
    version: TENSORFLOW,
    project: 'tensorflow',
    sha256: 'b3b95643c4e70eb925839938fb35cbe142f317ec84af6844ee61513713bb13c0',
    tags: tags('x86_64'),
    download: 3380e6,
    installed: 5680e6,
  },
  'linux-arm64 cpu': {
    version: TENSORFLOW,
    project: 'tensorflow',
    sha256: 'b07d15737406533898e36c7ef7944b1be18e9028dc521b9229952c537bbc5552',
    tags: tags('aarch64'),
    download: 282e6,
    installed: 885e6,
  },
};

export type Offer = { release: Release } | { release: undefined; why: string };

/** glibc's version, or undefined on musl (Alpine), where PyPI's manylinux wheels cannot be loaded. */
function glibc(): string | undefined {
  const { header } = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  return header?.glibcVersionRuntime;
}

/** The release for this machine, or one sentence that says why there is none. */
export function offer(
  gpu: boolean,
  machine = { platform: process.platform as string, arch: process.arch as string, glibc: glibc() },
): Offer {
  const { platform, arch } = machine;
  const none = (why: string): Offer => ({ release: undefined, why });
  if (platform === 'darwin' || platform === 'win32')
    return none(
      `TensorFlow is not offered on ${platform === 'darwin' ? 'macOS' : 'Windows'} for now; the wasm backend is used.`,
    );
  if (platform === 'linux' && !machine.glibc)
    return none('TensorFlow needs glibc, which this Linux does not have; the wasm backend is used.');
  if (platform === 'linux' && machine.glibc && Number(machine.glibc.split('.')[1]) < 27)
    return none(
      `TensorFlow needs glibc 2.27 or newer and this machine has ${machine.glibc}; the wasm backend is used.`,
    );
  const release = releases[`${platform}-${arch} ${gpu ? 'gpu' : 'cpu'}`];
  if (release) return { release };
  if (gpu && releases[`${platform}-${arch} cpu`])
    return none(`TensorFlow with CUDA is not offered on ${platform} ${arch}; leave --gpu out.`);
  return none(`TensorFlow is not offered on ${platform} ${arch}; the wasm backend is used.`);
}
