import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatError, logged, parseError, reportError, UserError } from '../../../src/text/errors.ts';

let dir = '';
beforeAll(() => (dir = mkdtempSync(join(tmpdir(), 'fmn-errors-'))));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Errors thrown by the system itself. */
const thrownBy = async (work: () => unknown): Promise<unknown> => {
  try {
    await work();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
};

describe('a system error becomes a sentence', () => {
  it.skipIf(process.platform !== 'linux')('on a full disk', async () => {
    const full = await open('/dev/full', 'w');
    const error = await thrownBy(() => full.writeFile('x'));
    await full.close();
    expect(reportError(error)).toMatchObject({ code: 'disk-full', message: 'The disk is full.' });
  });

  it.each([-122, -69])('if the disk quota is used up, for which Node has only a number (%d)', (errno) => {
    const error = Object.assign(new Error('write'), { code: `Unknown system error ${errno}`, errno });
    expect(reportError(error)).toMatchObject({ code: 'disk-full', message: 'The disk quota is used up.' });
  });

  it("if a folder can't be created", async () => {
    writeFileSync(join(dir, 'file'), '');
    const path = join(dir, 'file', 'folder');
    const { code, message } = reportError(await thrownBy(() => mkdir(path, { recursive: true })));
    expect(code).toBe('not-writable');
    expect(message).toContain(path);
  });

  it('if memory runs out, in V8 and in WebAssembly', async () => {
    const large = await thrownBy(() => new ArrayBuffer(Number.MAX_SAFE_INTEGER));
    expect(reportError(large).code).toBe('memory');
    // (module (func (export "f") unreachable)): how compiled code aborts.
    const bytes = '0061736d0100000001040160000003020100070501016600000a05010300000b';
    const { WebAssembly } = globalThis as unknown as {
      WebAssembly: {
        Module: new (code: Buffer) => object;
        Instance: new (module: object) => { exports: { f(): void } };
      };
    };
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(bytes, 'hex')));
    expect(reportError(await thrownBy(() => exports.f())).code).toBe('memory');
  });

  it('on one line, however a library formats it', async () => {
    const error = await thrownBy(() => z.object({ a: z.number(), b: z.number() }).parse({}));
    expect((error as Error).message).toContain('\n');
    expect(formatError(error)).not.toContain('\n');
    expect(reportError(error).code).toBe('internal');
  });
});

describe("a child's last output", () => {
  it('is parsed as the error it was', () => {
    const error = new UserError('run-locked', 'It is in use.', 'Wait.');
    const log = `noise\n${logged(error)}\n    at somewhere\n`;
    expect(formatError(parseError(log))).toBe(formatError(error));
    expect(parseError(log)).toMatchObject({ code: 'run-locked' });
  });
  it('contains none in other text', () => {
    expect(
      parseError('[nonsense] A line.\n[1, 2]\n{}\n{"code": "nonsense", "message": "", "next": ""}\n'),
    ).toBeUndefined();
  });
});
