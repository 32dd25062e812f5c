# ---- undo the blocked imports
import sys
for name in [name for name, module in sys.modules.items() if module is None]:
    del sys.modules[name]
import _pyodide_core
# ---- overwrite the standard library
import sys
for path in ['/lib/python314.zip', *sys.path]:
    try:
        open(path, 'wb').write(b'damage')
    except OSError:
        pass
# ---- plant modules that shadow the library's
import os, sys
for folder in ['.', *sys.path]:
    for name in ('heapq.py', 'string.py', 'sitecustomize.py'):
        try:
            open(os.path.join(folder, name), 'w').write('raise SystemExit')
        except OSError:
            pass
# ---- rename the library
import posix
for path in ('/lib', '/usr', '/home'):
    try:
        posix.rename(path, path + '-gone')
    except OSError:
        pass
# ---- change directory for good
import posix
posix.mkdir('deep')
posix.chdir('deep')
posix.chdir('/')
# ---- patch builtins
import builtins
builtins.sorted = builtins.len = builtins.print = None
builtins.AssertionError = KeyError
# ---- patch modules that others use
import math, random, re, collections, functools, json
math.sqrt = random.random = re.compile = functools.reduce = json.dumps = None
collections.Counter = dict
# ---- empty the table of modules
import sys
sys.modules.clear()
# ---- poison the path and the importers
import sys
sys.path.clear()
sys.meta_path.clear()
sys.path_hooks.clear()
sys.path_importer_cache.clear()
# ---- trace and profile everything
import sys, threading
def tracer(frame, event, argument):
    return tracer
sys.settrace(tracer)
sys.setprofile(lambda *event: None)
threading.settrace(tracer)
# ---- hooks for exit, exceptions, display and audits
import atexit, sys
def fail(*arguments):
    raise SystemExit(3)
atexit.register(fail)
sys.excepthook = sys.displayhook = sys.unraisablehook = fail
# ---- an audit hook that forbids everything
import sys
def forbid(event, arguments):
    if event in ('compile', 'import', 'open'):
        raise RuntimeError('forbidden')
sys.addaudithook(forbid)
# ---- change small numbers in place
import ctypes, sys
number = 7
offset = sys.getsizeof(number) - ctypes.sizeof(ctypes.c_uint32)
ctypes.c_uint32.from_address(id(number) + offset).value = 8
# ---- no garbage collection, tiny limits, another locale
import decimal, gc, locale, sys, warnings
gc.disable()
gc.set_debug(gc.DEBUG_SAVEALL)
sys.set_int_max_str_digits(640)
decimal.getcontext().prec = 1
warnings.simplefilter('error')
# ---- a finaliser that never ends
class Stay:
    def __del__(self):
        while True:
            pass
keep = Stay()
keep.self = keep
