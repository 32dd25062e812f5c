/** The machine's Python, which benchmarks need for PyTorch and for repositories from PyPI. */
import { inspectPython, type Python } from '../src/base-models/pypi/python.ts';
import { UserError } from '../src/protocol/errors.ts';

/** A Python with pip. Errors: bad-argument if there is none. */
export async function findPython(): Promise<Python> {
  const python = await inspectPython();
  if (python?.pip) return python;
  throw new UserError(
    'bad-argument',
    python ? `Python ${python.version} has no pip.` : 'Python 3.8 or newer was not found.',
    'Install Python 3 with pip; on Debian: sudo apt install python3 python3-pip.',
  );
}
