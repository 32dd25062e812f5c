# ---- a link to the root
import os
os.symlink('/', 'root')
open('root/etc/shadow').read()
# ---- links in a circle
import os
os.symlink('a', 'b')
os.symlink('b', 'a')
open('a').read()
# ---- remove everything
import posix
def remove(path):
    for name in posix.listdir(path):
        try:
            posix.unlink(path + '/' + name)
        except OSError:
            pass
remove('.')
remove('/dev')
# ---- a user like any other
import os
assert os.getuid() >= 0
# ---- memory of the process by a file
import os
data = os.open('/proc/self/mem', os.O_RDWR)
os.write(data, b'x')
raise ValueError
# ---- the environment of the process by a file
text = open('/proc/self/environ').read()
assert not text
# ---- every descriptor closed
import os
os.closerange(0, 64)
# ---- a name with a zero
open('a\0b', 'w')
# ---- a name of four thousand letters
open('x' * 5000, 'w')
# ---- a folder in place of a file
import os
os.mkdir('folder')
open('folder', 'w')
