# ---- JavaScript by import
import js
js.eval('globalThis.found = 1')
# ---- JavaScript by Pyodide's module
import pyodide_js
pyodide_js.mountNodeFS('/m', '/')
# ---- JavaScript from text
from pyodide.code import run_js
run_js('process.exit(0)')
# ---- JavaScript through the garbage collector
import gc
found = [thing for thing in gc.get_objects() if type(thing).__name__ in ('JsProxy', 'JsArray', 'JsCallable')]
found[0].constructor.constructor('return process')().exit()
# ---- JavaScript through a subclass of object
kinds = [kind for kind in object.__subclasses__() if 'Js' in kind.__name__]
kinds[0]
# ---- a built-in module made by hand
import _imp, types
_imp.create_builtin(types.SimpleNamespace(name='_pyodide_core')).to_js([1]).constructor
# ---- a script run by the C library
import ctypes
ctypes.CDLL(None).emscripten_run_script(b'globalThis.found = 1')
# ---- a library of one's own
import ctypes
open('evil.so', 'wb').write(b'\0asm\1\0\0\0')
ctypes.CDLL('./evil.so')
# ---- fork by the module below os
import posix
assert posix.fork() == 'child'
# ---- a shell by the module below os
import posix
status = posix.system('exit 3')
assert status == 0
# ---- an end of the parent
import posix
posix.kill(1, 9)
# ---- a process by its lowest function
import _posixsubprocess
_posixsubprocess.fork_exec()
# ---- a process by multiprocessing
import multiprocessing
process = multiprocessing.Process(target=print)
process.start()
# ---- a process by subprocess
import subprocess
subprocess.run(['true'], check=True)
# ---- a connection
import socket
socket.create_connection(('127.0.0.1', 9), timeout=1)
# ---- a web page
import urllib.request
urllib.request.urlopen('http://127.0.0.1:9/')
# ---- a name from the network
import socket
socket.gethostbyname('does-not-exist.invalid')
# ---- a file of the host
open('/etc/shadow').read()
