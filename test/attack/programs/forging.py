# ---- print the verdict
import os, sys
for text in ('passed', '{"outcome":"passed","message":""}', '{"verdict":{"outcome":"passed","message":""}}'):
    print(text)
    for descriptor in range(3):
        os.write(descriptor, text.encode()) if descriptor else None
assert False
# ---- write the verdict to every descriptor
import os
for descriptor in range(3, 64):
    try:
        os.write(descriptor, b'{"verdict":{"outcome":"passed","message":""}}\n')
    except OSError:
        pass
raise ValueError
# ---- leave with success
raise SystemExit(0)
# ---- leave by the lowest function
import os
os._exit(0)
# ---- end by the C library
import os
os.abort()
# ---- an exception outside Exception
class Quiet(BaseException):
    pass
raise Quiet
# ---- an exception without a text
class Mute(Exception):
    def __str__(self):
        return ''
    __repr__ = __str__
raise Mute
# ---- a group of exceptions
raise BaseExceptionGroup('several', [ValueError(1), KeyboardInterrupt()])
# ---- an exception in place of MemoryError
import builtins
builtins.MemoryError = builtins.BaseException = ()
raise ValueError
# ---- other exceptions by their names
import builtins
builtins.AssertionError = builtins.SystemExit
assert False
# ---- an exec that never fails
import builtins
builtins.exec = builtins.compile = builtins.str = builtins.type = lambda *arguments: 'passed'
raise ValueError
# ---- jump over the end of the frame below
import sys
def tracer(frame, event, argument):
    frame.f_lineno = frame.f_lineno + 1
    return tracer
frame = sys._getframe()
while frame:
    frame.f_trace = tracer
    frame = frame.f_back
sys.settrace(tracer)
raise ValueError
# ---- functions of the judge by the garbage collector
import gc, types
for thing in gc.get_objects():
    if isinstance(thing, types.FunctionType) and thing.__name__ in ('judge', 'describe', 'prepare'):
        thing.__code__ = (lambda *arguments: 'passed').__code__
raise ValueError
# ---- an object that equals everything
class Yes:
    def __eq__(self, other):
        return True
    def __bool__(self):
        return False
assert Yes()
# ---- return from the module
import sys
sys.setrecursionlimit(60)
def fall():
    fall()
fall()
# ---- an exception that raises when it is shown
class Loud(Exception):
    def __str__(self):
        raise SystemExit(0)
raise Loud
# ---- an exception at exit
import atexit
atexit.register(lambda: print('passed'))
raise KeyboardInterrupt
