/** The runtime's state, for `doctor`. Loads nothing native into this process. */
import { UserError, reasonOf } from '../../text/errors.ts';
import { joinTexts, msg, type Text } from '../../text/message.ts';
import { findCompiler, isCurrent, nativeSources } from './binding.ts';
import { currentRuntime } from './current.ts';
import { readManifest, tensorflowDir } from './find.ts';
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
  /** Version line of the C++ compiler; not looked for where TensorFlow is not offered. */
  compiler: string | undefined;
}

const INSTALL_COMMAND = 'forget-me-not runtime install';
const OLD_BINDING = msg`Its binding is from an earlier version of Forget-Me-Not; another installation renews it and downloads nothing.`;

export async function inspectRuntime(): Promise<RuntimeReport> {
  const offered = offer(false);
  // On a Mac, even asking c++ for its version may open a dialog (platform/processes/placeholder.ts).
  const compiler = offered.release && (await findCompiler())?.version;
  const native = await nativeSources();
  const report = {
    offered: offered.release !== undefined,
    installed: false,
    starts: false,
    cuda: false,
    gpu: false,
    prebuilt: native.prebuilt !== undefined,
    compiler,
  };
  if (!offered.release) return { ...report, version: undefined, reason: offered.why, command: undefined };
  const runtime = await currentRuntime();
  if (!runtime) {
    const reason = msg`TensorFlow is not installed; it trains about six times faster than the wasm backend.`;
    return { ...report, version: undefined, reason, command: INSTALL_COMMAND };
  }
  const installed = { ...report, installed: true, version: runtime.version, cuda: runtime.gpu };
  const isOld = !(await isCurrent(native));
  try {
    const { gpu, version } = await verifyBinding(runtime.binding);
    const manifest = await readManifest(tensorflowDir());
    const reason = msg`TensorFlow ${version} starts and computes on the ${gpu ? 'GPU' : 'CPU'} (binding: ${manifest?.binding ?? 'unknown'}).`;
    const started = { ...installed, starts: true, gpu, version };
    return isOld
      ? { ...started, reason: joinTexts([reason, OLD_BINDING]), command: INSTALL_COMMAND }
      : { ...started, reason, command: undefined };
  } catch (error) {
    return {
      ...installed,
      reason: reasonOf(error),
      command: error instanceof UserError && !isOld ? undefined : INSTALL_COMMAND,
    };
  }
}
