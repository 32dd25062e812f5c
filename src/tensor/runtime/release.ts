/** Which TensorFlow release is installed on which machine, and its size. Measured 2026-11. */
import type { WheelTags } from '../../packages/simple-index.ts';
import { isGlibcFrom, thisMachine, type MachineFacts } from '../../platform/machine/this-machine.ts';
import { msg, type Text } from '../../text/message.ts';

interface Wheel {
  /** PyPI project. */
  project: string;
  version: string;
  sha256: string;
}

/** The wheel that contains TensorFlow's libraries. */
export interface Release extends Wheel {
  /** The NVIDIA packages that it needs. */
  cuda: readonly Wheel[];
  tags: WheelTags;
  /** Bytes, rounded up: total download, and size on disk. */
  download: number;
  installed: number;
}

const TENSORFLOW = '2.21.0';
/** Paths of the libraries in the wheels. The binding finds them through its rpath $ORIGIN/tensorflow. */
export const libraries = [
  'tensorflow/libtensorflow_cc.so.2',
  'tensorflow/libtensorflow_framework.so.2',
] as const;

// The libraries are C++ and the same for every Python, so one wheel serves every machine.
const tags = (arch: string): WheelTags => ({
  python: '3.12',
  platforms: [`manylinux_2_27_${arch}`, `manylinux2014_${arch}`, `manylinux_2_17_${arch}`],
});

/** The versions that pip chose for `tensorflow[and-cuda]` of this version. */
const cuda: readonly Wheel[] = [
  ['cublas', '12.9.3.13', 'd7d51055f161b317c7105ddaae90e71eda059026074ffef93cf7cde2886bfe72'],
  ['cuda-cupti', '12.8.90', 'ea0cb07ebda26bb9b29ba82cda34849e73c166c18162d3913575b0c9db9a6182'],
  ['cuda-nvcc', '12.9.86', '5d6a0d32fdc7ea39917c20065614ae93add6f577d840233237ff08e9a38f58f0'],
  ['cuda-nvrtc', '12.9.86', '210cf05005a447e29214e9ce50851e83fc5f4358df8b453155d5e1918094dcb4'],
  ['cuda-runtime', '12.9.79', '25bba2dfb01d48a9b59ca474a1ac43c6ebf7011f1b0b8cc44f54eb6ac48a96c3'],
  ['cudnn', '9.28.0.42', '9ff58b7f36dacd0a93e89f8f2957b52466889217963701daa15e577317cfa375'],
  ['cufft', '11.4.1.4', 'c67884f2a7d276b4b80eb56a79322a95df592ae5e765cf1243693365ccab4e28'],
  ['curand', '10.3.10.19', '49b274db4780d421bd2ccd362e1415c13887c53c214f0d4b761752b8f9f6aa1e'],
  ['cusolver', '11.7.5.82', '15da72d1340d29b5b3cf3fd100e3cd53421dde36002eda6ed93811af63c40d88'],
  ['cusparse', '12.5.10.65', '73060ce019ac064a057267c585bf1fd5a353734151f87472ff02b2c5c9984e78'],
  ['nccl', '2.32.3', 'bb94b2348e4861d5e8aa00b36c3d12d9bdf9c6369b82cbb723de0b582280a21c'],
  ['nvjitlink', '12.9.86', 'e3f1171dbdc83c5932a45f0f4c99180a70de9bd2718c1ab77d14104f6d7147f9'],
].map(([name, version, sha256]) => ({ project: `nvidia-${name}-cu12`, version: version!, sha256: sha256! }));

export const releases = {
  'linux-x64 cpu': {
    version: TENSORFLOW,
    project: 'tensorflow-cpu',
    sha256: 'dcc8afd32930e42d5296b6ee19078b773706830af4ea97fbe503b9f5e0f820cb',
    tags: tags('x86_64'),
    cuda: [],
    download: 274e6,
    installed: 855e6,
  },
  'linux-x64 gpu': {
    version: TENSORFLOW,
    project: 'tensorflow',
    sha256: 'b3b95643c4e70eb925839938fb35cbe142f317ec84af6844ee61513713bb13c0',
    tags: tags('x86_64'),
    cuda,
    download: 3380e6,
    installed: 5680e6,
  },
  'linux-arm64 cpu': {
    version: TENSORFLOW,
    project: 'tensorflow',
    sha256: 'b07d15737406533898e36c7ef7944b1be18e9028dc521b9229952c537bbc5552',
    tags: tags('aarch64'),
    cuda: [],
    download: 282e6,
    installed: 885e6,
  },
} satisfies Record<string, Release>;

type Offer = { release: Release } | { release: undefined; why: Text };

/** Minor version of the glibc that the prebuilt binding needs (2.28); the libraries themselves would run on 2.27. */
const MIN_GLIBC = 28;

/** The release for this machine, or a sentence saying why there is none. */
export function offer(gpu: boolean, machine: MachineFacts = thisMachine()): Offer {
  const { platform, arch } = machine;
  const none = (why: Text): Offer => ({ release: undefined, why });
  if (platform === 'darwin' || platform === 'win32')
    return none(msg`TensorFlow is not offered on ${platform === 'darwin' ? 'macOS' : 'Windows'} for now.`);
  if (machine.musl) return none(msg`TensorFlow needs glibc, which this Linux does not have.`);
  if (machine.glibc && !isGlibcFrom(MIN_GLIBC, machine.glibc))
    return none(msg`TensorFlow needs glibc 2.${MIN_GLIBC} or newer and this machine has ${machine.glibc}.`);
  if (!machine.avx)
    return none(msg`TensorFlow needs a processor with AVX instructions, which this one does not have.`);
  const known: Partial<Record<string, Release>> = releases;
  const release = known[`${platform}-${arch} ${gpu ? 'gpu' : 'cpu'}`];
  if (release) return { release };
  if (gpu && known[`${platform}-${arch} cpu`])
    return none(msg`TensorFlow with CUDA is not offered on ${platform} ${arch}; leave --gpu out.`);
  return none(msg`TensorFlow is not offered on ${platform} ${arch}.`);
}
