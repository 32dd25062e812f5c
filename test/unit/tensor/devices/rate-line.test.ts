import { expect, it } from 'vitest';
import { lastRate } from '../../../../src/tensor/devices/rate-line.ts';

it.each([
  ['the last one printed', '{"rate":4}\n{"rate":4,"half":6}\n', { rate: 4, half: 6 }],
  ['the one printed before the process crashed in f16', '{"rate":4}\n', { rate: 4 }],
  ['not a truncated line', '{"rate":4}\n{"rate":4,"ha', { rate: 4 }],
  ['the reason why there is none', '{"lack":"No."}\n', { lack: 'No.' }],
  ['undefined if nothing was printed', '', undefined],
])('a rate is %s', (_, printed, rate) => expect(lastRate(printed)).toEqual(rate));
