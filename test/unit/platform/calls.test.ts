/** Calls over a channel like Node's between parent and child: messages are copied, and arrive later. */
import { EventEmitter } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { buildSync } from 'esbuild';
import { expect, it, onTestFinished, vi } from 'vitest';
import { callsOver } from '../../../src/platform/processes/calls.ts';
import { endOf, startNode } from '../../../src/platform/processes/start.ts';
import { UserError } from '../../../src/text/errors.ts';

class End extends EventEmitter {
  other!: End;
  send(message: object): boolean {
    const copy = structuredClone(message);
    setImmediate(() => this.other.emit('message', copy));
    return true;
  }
}

interface Child {
  twice(numbers: Float32Array): Promise<Float32Array>;
  fail(how: string): Promise<void>;
  never(): Promise<void>;
  note(text: string, more?: string): void;
}
interface Parent {
  ask(): Promise<string>;
}

function pair() {
  const [here, there] = [new End(), new End()];
  [here.other, there.other] = [there, here];
  const begun: string[] = [];
  const parent = callsOver<Parent, Child>(there, {
    twice: async (numbers) => numbers.map((one) => 2 * one),
    fail(how) {
      if (how === 'full') throw Object.assign(new Error('write'), { code: 'ENOSPC' });
      if (how === 'bug') throw new TypeError('x is undefined');
      throw new UserError('gpu-lost', 'The GPU went away.', 'Look at it.');
    },
    never: () => new Promise(() => undefined),
    note: (text, more) => void begun.push(`${text} ${more === undefined}`),
  });
  const child = callsOver<Child, Parent>(here, { ask: () => Promise.resolve('answer') });
  return { child, parent, begun };
}

it('calls in both directions, with typed arrays, undefined, and in order', async () => {
  const { child, parent, begun } = pair();
  void child.note.asEvent('first', undefined);
  void child.note.asEvent('second');
  expect(await child.twice(new Float32Array([1, 2]))).toEqual(new Float32Array([2, 4]));
  expect(begun).toEqual(['first true', 'second true']);
  expect(await parent.ask()).toBe('answer');
});

it('passes on a UserError unchanged, a disk error as its report, and a bug as internal, printed where it happened', async () => {
  const printed = vi.spyOn(console, 'error').mockReturnValue();
  const { child } = pair();
  const lost = { name: 'UserError', code: 'gpu-lost', message: 'The GPU went away.', next: 'Look at it.' };
  await expect(child.fail('user')).rejects.toMatchObject(lost);
  await expect(child.fail('full')).rejects.toMatchObject({ code: 'disk-full' });
  expect(printed).not.toHaveBeenCalled();
  await expect(child.fail('bug')).rejects.toMatchObject({ code: 'internal', message: 'x is undefined' });
  expect(printed).toHaveBeenCalledWith(expect.any(TypeError));
  printed.mockRestore();
});

it('rejects pending calls with the reason why the other side ended', async () => {
  const { child } = pair();
  const waiting = child.never();
  child.$close(new UserError('memory', 'It was killed.', 'Try again.'));
  await expect(waiting).rejects.toMatchObject({ code: 'memory' });
  await expect(child.never()).rejects.toThrow('closed');
});

it('works over the channel of a real child, whose end rejects pending calls', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'fmn-calls-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const script = join(dir, 'child.mjs');
  buildSync({
    stdin: {
      resolveDir: resolve('src/platform/processes'),
      loader: 'ts',
      contents: `
        import { callsOver } from './calls.ts';
        const parent = callsOver(process, {
          twice: async (numbers) => numbers.map((one) => 2 * one),
          relay: async () => 'It said ' + (await parent.ask()),
          never: () => new Promise(() => undefined),
        });
        process.on('disconnect', () => process.exit(3));`,
    },
    ...{ bundle: true, platform: 'node', format: 'esm', outfile: script },
  });
  const start = () => {
    const child = startNode(script, [], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      serialization: 'advanced',
    });
    type Offered = Pick<Child, 'twice' | 'never'> & { relay(): Promise<string> };
    const calls = callsOver<Offered, Parent>(child, { ask: () => Promise.resolve('yes') });
    return { child, calls };
  };
  const { child, calls } = start();
  // Sent before it listens, and more than a pipe holds.
  const numbers = new Float32Array(1e5).fill(1.5);
  expect(await calls.twice(numbers)).toEqual(new Float32Array(1e5).fill(3));
  expect(await calls.relay()).toBe('It said yes');
  const ended = endOf(child, 'exit');
  child.disconnect();
  expect(await ended).toEqual({ how: 3 });

  const killed = start();
  const closed = endOf(killed.child).then(({ how }) => killed.calls.$close(new Error(String(how))));
  const waiting = killed.calls.never();
  killed.child.kill('SIGKILL');
  await expect(waiting).rejects.toThrow('SIGKILL');
  await closed;
});
