import { describe, expect, it } from 'vitest';
import { endedEarly, hasCrashed } from '../../../src/platform/processes/child-end.ts';

describe('a child that did not report its end', () => {
  it.each([
    ['SIGABRT', 'crashed'],
    ['SIGSEGV', 'crashed'],
    [134, 'crashed'],
    [0xc0000005, 'crashed'],
    [-1073740791, 'crashed'],
    ['SIGKILL', 'memory'],
    [137, 'memory'],
    ['SIGTERM', 'cancelled'],
    [1, 'internal'],
    [null, 'internal'],
  ])('%s is %s, in one sentence', (how, code) => {
    const error = endedEarly('The evaluator', how, 'Give the command again.');
    expect(error).toMatchObject({ code, message: expect.stringMatching(/^The evaluator .+\.$/) as string });
    expect(error.next).toMatch(/Give the command again\.$/);
    expect(hasCrashed(how)).toBe(code === 'crashed');
  });
});
