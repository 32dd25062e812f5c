/** The runtime's state, for `doctor`. Loads nothing native into this process. */
import { UserError, reasonOf } from '../../text/errors.ts';
import { msg, type Text } from '../../text/message.ts';
import { findCompiler, nativeSources } from './binding.ts';
import { findRuntime, readManifest, tensorflowDir } from './find.ts';
import { offer } from './release.ts';
import { verifyBinding } from './verify.ts';

export interface RuntimeReport {
  /** TensorFlow can be installed on this machine. */
  offered: boolean;
  installed: boolean;
  /** It was loaded in a child process and computed correctly. */
  starts: boolean;
  version: string | undefined;
  cuda: boolean;
  gpu: boolean;
  reason: Text;
  /** The command that installs it; undefined if nothing needs to be done. */
  command: string | undefined;
  /** There is a prebuilt binding for this platform, so no compiler is needed. */
  prebuilt: boolean;
  /** Version line of the C++ compiler. */
  compiler: string | undefined;
}

const INSTALL_COMMAND = 'forget-me-not runtime install';

export async function inspectRuntime(): Promise<RuntimeReport> {
  const offered = offer(false);
  const compiler = (await findCompiler())?.version;
  const prebuilt = (await nativeSources()).prebuilt !== undefined;
  const report = {
    offered: offered.release !== undefined,
    installed: false,
    starts: false,
    cuda: false,
    gpu: false,
    prebuilt,
    compiler,
  };
  if (!offered.release) return { ...report, version: undefined, reason: offered.why, command: undefined };
  const runtime = await findRuntime();
  if (!runtime) {
    const reason = msg`TensorFlow is not installed; it trains about six times faster than the wasm backend.`;
    return { ...report, version: undefined, reason, command: INSTALL_COMMAND };
  }
  const installed = { ...report, installed: true, version: runtime.version, cuda: runtime.gpu };
  try {
    const { gpu, version } = await verifyBinding(runtime.binding);
    const manifest = await readManifest(tensorflowDir());
    const reason = msg`TensorFlow ${version} starts and computes on the ${gpu ? 'GPU' : 'CPU'} (binding: ${manifest?.binding ?? 'unknown'}).`;
    return { ...installed, starts: true, gpu, version, reason, command: undefined };
  } catch (error) {
    return {
      ...installed,
      reason: reasonOf(error),
      command: error instanceof UserError ? undefined : INSTALL_COMMAND,
    };
  }
}
