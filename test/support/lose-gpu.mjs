/**
 * Loaded before a training process (NODE_OPTIONS=--import): destroys its GPU device once the checkpoint LOSE_AT of the
 * run exists, LOSE_TIMES times, counted by files in the run's directory. As when a driver is reset, or a card is
 * removed.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [, script = '', dir = ''] = process.argv;
if (script.endsWith('training-worker.mjs')) {
  const { globals } = await import('webgpu');
  const { requestDevice } = globals.GPUAdapter.prototype;
  globals.GPUAdapter.prototype.requestDevice = async function (...args) {
    const device = await requestDevice.apply(this, args);
    const { submit } = Object.getPrototypeOf(device.queue);
    device.queue.submit = function (...commands) {
      if (existsSync(join(dir, 'checkpoints', process.env.LOSE_AT))) {
        const lost = Array.from({ length: Number(process.env.LOSE_TIMES) }, (_, i) => join(dir, `lost-${i}`));
        const next = lost.find((file) => !existsSync(file));
        if (next) {
          writeFileSync(next, '');
          device.destroy();
        }
      }
      return submit.apply(this, commands);
    };
    return device;
  };
}
