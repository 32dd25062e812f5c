/** Checks that the binding works, in a child process so that a crash in native code does no harm. */
import { outputOf, type OutputError } from '../../platform/processes/start.ts';
import { msg, UserError } from '../../text/errors.ts';

interface Verified {
  version: string;
  /** TensorFlow sees a GPU that it can use. */
  gpu: boolean;
}

/** Runs in the child: [1 2; 3 4] times [5 6; 7 8] is [19 22; 43 50]. */
const program = `
const b = require(process.argv[1]);
const t = (values) => b.createTensor([2, 2], b.TF_FLOAT, new Float32Array(values));
const flag = (name) => ({ name, type: b.TF_ATTR_BOOL, value: false });
const attributes = [flag('transpose_a'), flag('transpose_b'), { name: 'T', type: b.TF_ATTR_TYPE, value: b.TF_FLOAT }];
const [out] = b.executeOp('MatMul', attributes, [t([1, 2, 3, 4]), t([5, 6, 7, 8])], 1);
const gpu = b.isUsingGpuDevice();
console.log(JSON.stringify({ product: [...b.tensorDataSync(out.id)], version: b.TF_Version, gpu }));
`;

/** Loads the binding in a child and multiplies two matrices. Throws UserError `backend-unavailable` with the reason. */
export async function verifyBinding(binding: string, signal?: AbortSignal): Promise<Verified> {
  const env = { TF_CPP_MIN_LOG_LEVEL: '2', TF_FORCE_GPU_ALLOW_GROWTH: 'true' };
  const options = { env, signal, timeout: 120_000 };
  const { stdout, why } = await outputOf(process.execPath, ['-e', program, binding], options).then(
    ({ stdout, stderr }) => ({ stdout, why: errorIn(stderr) ?? '' }),
    (error: OutputError) => ({
      stdout: error.stdout ?? '',
      why: error.signal
        ? `it ended with ${error.signal}`
        : (errorIn(error.stderr) ?? error.message.split('\n')[0]),
    }),
  );
  signal?.throwIfAborted();
  try {
    const { product, version, gpu } = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Verified & {
      product: number[];
    };
    if (product.join() === '19,22,43,50') return { version, gpu };
  } catch {
    // Reported below.
  }
  throw new UserError(
    'backend-unavailable',
    msg`TensorFlow does not start on this machine${why ? `: ${why}` : ''}.`,
    msg`The wasm backend is used instead; {doctor} shows both.`,
  );
}

const errorIn = (stderr = ''): string | undefined => /^Error: .*$/m.exec(stderr)?.[0];
