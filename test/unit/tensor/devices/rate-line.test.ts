import { expect, it } from 'vitest';
import { lastRate } from '../../../../src/tensor/devices/rate-line.ts';

it.each([
  ['what was found last', '{"rate":4}\n{"rate":4,"half":6}\n', { rate: 4, half: 6 }],
  ['what was found before the process ended in f16', '{"rate":4}\n', { rate: 4 }],
  ['no line that was cut off', '{"rate":4}\n{"rate":4,"ha', { rate: 4 }],
  ['why there is none', '{"lack":"No."}\n', { lack: 'No.' }],
  ['nothing where nothing was printed', '', undefined],
])('a rate is %s', (_, printed, rate) => expect(lastRate(printed)).toEqual(rate));
