# ---- nine hundred down
def down(n):
    return 0 if n == 0 else 1 + down(n - 1)
assert down(900) == 900
# ---- a thousand down
def down(n):
    return 0 if n == 0 else 1 + down(n - 1)
down(1000)
# ---- how far down it goes
def down(n):
    try:
        return down(n + 1)
    except RecursionError:
        return n
assert 960 < down(0) < 999, down(0)
# ---- by a maximum of a map, 300
def depth(n):
    return 0 if n == 0 else 1 + max(map(depth, [n - 1]))
assert depth(300) == 300
# ---- by a maximum of a map, 450
def depth(n):
    return 0 if n == 0 else 1 + max(map(depth, [n - 1]))
assert depth(450) == 450
# ---- by a maximum of a map, 900
def depth(n):
    return 0 if n == 0 else 1 + max(map(depth, [n - 1]))
assert depth(900) == 900
# ---- by a maximum of a map, 1000
def depth(n):
    return 0 if n == 0 else 1 + max(map(depth, [n - 1]))
depth(1000)
# ---- by a maximum of a map, 5000 at a limit of 20000
import sys
sys.setrecursionlimit(20000)
def depth(n):
    return 0 if n == 0 else 1 + max(map(depth, [n - 1]))
assert depth(5000) == 5000
# ---- by a sum of a generator, 450
def depth(n):
    return 0 if n == 0 else 1 + sum(depth(x) for x in [n - 1])
assert depth(450) == 450
# ---- by a sum of a generator, 600
def depth(n):
    return 0 if n == 0 else 1 + sum(depth(x) for x in [n - 1])
assert depth(600) == 600
# ---- by a list comprehension, 450
def depth(n):
    return 0 if n == 0 else 1 + [depth(x) for x in [n - 1]][0]
assert depth(450) == 450
# ---- by a list comprehension, 600
def depth(n):
    return 0 if n == 0 else 1 + [depth(x) for x in [n - 1]][0]
assert depth(600) == 600
# ---- by a sort key, 450
def down(n):
    sorted([n - 1], key=down) if n else None
    return n
assert down(450) == 450
# ---- by a sort key, 980
def down(n):
    sorted([n - 1], key=down) if n else None
    return n
assert down(980) == 980
# ---- by functools.reduce, 450
from functools import reduce
def down(n):
    return reduce(lambda a, x: a + down(x), [n - 1], 1) if n else 0
assert down(450) == 450
# ---- by a cache, 300
from functools import lru_cache
@lru_cache(None)
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)
assert fib(300) > 10 ** 60
# ---- by a cache, 450
from functools import lru_cache
@lru_cache(None)
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)
assert fib(450) > 10 ** 90
# ---- by a cache, 600
from functools import lru_cache
@lru_cache(None)
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)
assert fib(600) > 10 ** 90
# ---- by a cache, 5000 at a limit of 20000
import sys
sys.setrecursionlimit(20000)
from functools import lru_cache
@lru_cache(None)
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)
assert fib(5000) > 10 ** 90
# ---- by a decorator
def deco(f):
    def g(*args, **kwargs):
        return f(*args, **kwargs)
    return g
@deco
def down(n):
    return 0 if n == 0 else 1 + down(n - 1)
assert down(450) == 450
# ---- by a decorator, 600
def deco(f):
    def g(*args, **kwargs):
        return f(*args, **kwargs)
    return g
@deco
def down(n):
    return 0 if n == 0 else 1 + down(n - 1)
assert down(600) == 600
# ---- by __call__
class A:
    def __call__(self, n):
        return 0 if n == 0 else 1 + self(n - 1)
assert A()(450) == 450
# ---- by __call__, 600
class A:
    def __call__(self, n):
        return 0 if n == 0 else 1 + self(n - 1)
assert A()(600) == 600
# ---- by __getattr__
class A:
    def __getattr__(self, name):
        return getattr(self, name + 'x')
try:
    A().a
except RecursionError:
    pass
# ---- by __getitem__
class A:
    def __getitem__(self, n):
        return 0 if n == 0 else 1 + self[n - 1]
assert A()[450] == 450
# ---- by __add__
class A:
    def __init__(self, n):
        self.n = n
    def __add__(self, other):
        return 0 if self.n == 0 else 1 + (A(self.n - 1) + other)
assert A(450) + 1 == 450
# ---- by __repr__
class Node:
    def __init__(self, next):
        self.next = next
    def __repr__(self):
        return f'Node({self.next!r})'
node = None
for _ in range(300):
    node = Node(node)
assert repr(node).count('Node') == 300
# ---- by __repr__, 450
class Node:
    def __init__(self, next):
        self.next = next
    def __repr__(self):
        return f'Node({self.next!r})'
node = None
for _ in range(450):
    node = Node(node)
assert repr(node).count('Node') == 450
# ---- by __eq__
class Node:
    def __init__(self, next):
        self.next = next
    def __eq__(self, other):
        return isinstance(other, Node) and self.next == other.next
a = b = None
for _ in range(300):
    a, b = Node(a), Node(b)
assert a == b
# ---- by __eq__, 450
class Node:
    def __init__(self, next):
        self.next = next
    def __eq__(self, other):
        return isinstance(other, Node) and self.next == other.next
a = b = None
for _ in range(450):
    a, b = Node(a), Node(b)
assert a == b
# ---- by __hash__
class Node:
    def __init__(self, next):
        self.next = next
    def __hash__(self):
        return hash(('node', self.next))
node = None
for _ in range(300):
    node = Node(node)
assert hash(node) == hash(node)
# ---- by __lt__ in a sort
class N:
    def __init__(self, n):
        self.n = n
    def __lt__(self, other):
        return sorted([N(self.n - 1), N(self.n - 1)])[0].n < 0 if self.n else False
sorted([N(300), N(300)])
# ---- by __len__ and __bool__
class A:
    def __init__(self, n):
        self.n = n
    def __len__(self):
        return 0 if self.n == 0 else 1 + len(A(self.n - 1))
assert len(A(300)) == 300
# ---- by an iterator
class Tree:
    def __init__(self, child):
        self.child = child
    def __iter__(self):
        yield self
        if self.child:
            yield from self.child
tree = None
for _ in range(300):
    tree = Tree(tree)
assert len(list(tree)) == 300
# ---- by yield from, 600
def walk(n):
    if n:
        yield n
        yield from walk(n - 1)
assert len(list(walk(600))) == 600
# ---- by yield from, 900
def walk(n):
    if n:
        yield n
        yield from walk(n - 1)
assert len(list(walk(900))) == 900
# ---- by yield from, 1000
def walk(n):
    if n:
        yield n
        yield from walk(n - 1)
list(walk(1000))
# ---- by await
import asyncio
async def down(n):
    return 0 if n == 0 else 1 + await down(n - 1)
assert asyncio.run(down(600)) == 600
# ---- a property
class A:
    n = 300
    @property
    def down(self):
        self.n -= 1
        return 0 if self.n == 0 else 1 + self.down
assert A().down == 299
# ---- eval in eval
def down(n):
    return 0 if n == 0 else 1 + eval('down(n - 1)')
assert down(150) == 150
# ---- eval in eval, 300
def down(n):
    return 0 if n == 0 else 1 + eval('down(n - 1)')
assert down(300) == 300
# ---- exec in exec
def down(n):
    if n:
        exec('down(n - 1)')
down(300)
# ---- a re.sub in a re.sub
import re
def down(n):
    return str(n) if n == 0 else re.sub('x', lambda m: down(n - 1), 'x')
assert down(200) == '0'
# ---- repr of a list, 900
x = []
for _ in range(900):
    x = [x]
assert repr(x).count('[') == 901
# ---- repr of a list, 5000
x = []
for _ in range(5000):
    x = [x]
repr(x)
# ---- repr of a list, 5000 at a limit of 20000
import sys
sys.setrecursionlimit(20000)
x = []
for _ in range(5000):
    x = [x]
assert repr(x).count('[') == 5001
# ---- repr of a dictionary, 900
x = {}
for _ in range(900):
    x = {1: x}
assert repr(x).count('{') == 901
# ---- repr of a tuple, 900
x = ()
for _ in range(900):
    x = (x,)
assert repr(x).count('(') == 901
# ---- equal lists, 900
a, b = [], []
for _ in range(900):
    a, b = [a], [b]
assert a == b
# ---- equal lists, 5000
a, b = [], []
for _ in range(5000):
    a, b = [a], [b]
assert a == b
# ---- equal tuples, 900
a, b = (), ()
for _ in range(900):
    a, b = (a,), (b,)
assert a == b
# ---- equal dictionaries, 450
a, b = {}, {}
for _ in range(450):
    a, b = {1: a}, {1: b}
assert a == b
# ---- the hash of a tuple, 900
x = ()
for _ in range(900):
    x = (x,)
hash(x)
# ---- the hash of a tuple, 50000
x = ()
for _ in range(50000):
    x = (x,)
hash(x)
# ---- json of a list, 400
import json
x = []
for _ in range(400):
    x = [x]
assert json.loads(json.dumps(x)) == x
# ---- json of a list, 900
import json
x = []
for _ in range(900):
    x = [x]
assert json.dumps(x).count('[') == 901
# ---- json of a list, 2000
import json
x = []
for _ in range(2000):
    x = [x]
json.dumps(x)
# ---- json read, 900
import json
json.loads('[' * 900 + ']' * 900)
# ---- json read, 2000
import json
json.loads('[' * 2000 + ']' * 2000)
# ---- json read, 100000
import json
try:
    json.loads('[' * 100000 + ']' * 100000)
except RecursionError:
    pass
# ---- copy.deepcopy, 300
import copy
x = []
for _ in range(300):
    x = [x]
assert copy.deepcopy(x) == x
# ---- copy.deepcopy, 450
import copy
x = []
for _ in range(450):
    x = [x]
assert copy.deepcopy(x) == x
# ---- copy.deepcopy, 600
import copy
x = []
for _ in range(600):
    x = [x]
copy.deepcopy(x)
# ---- copy.deepcopy of objects, 200
import copy
class Node:
    def __init__(self, next):
        self.next = next
node = None
for _ in range(200):
    node = Node(node)
copy.deepcopy(node)
# ---- pickle, 300
import pickle
x = []
for _ in range(300):
    x = [x]
assert pickle.loads(pickle.dumps(x)) == x
# ---- pickle, 450
import pickle
x = []
for _ in range(450):
    x = [x]
assert pickle.loads(pickle.dumps(x)) == x
# ---- pickle, 900
import pickle
x = []
for _ in range(900):
    x = [x]
pickle.dumps(x)
# ---- pickle of objects, 200
import pickle
class Node:
    def __init__(self, next):
        self.next = next
globals()['__name__'] = '__main__'
import sys
sys.modules['__main__'].Node = Node
node = None
for _ in range(200):
    node = Node(node)
pickle.dumps(node)
# ---- re with brackets in brackets, 90
import re
re.compile('(' * 90 + 'a' + ')' * 90)
# ---- re with brackets in brackets, 300
import re
assert re.match('(?:' * 300 + 'a' + ')' * 300, 'a')
# ---- re on a long text
import re
assert re.match('(?:a|b)*', 'ab' * 50000).end() == 100000
# ---- re on a long text with lazy groups
import re
assert re.match('(?:(a)|(b))*?c', 'ab' * 50000 + 'c')
# ---- brackets in the program, 90
assert eval('(' * 90 + '1' + ')' * 90) == 1
# ---- brackets in the program, 190
assert eval('(' * 190 + '1' + ')' * 190) == 1
# ---- brackets in the program, 250
eval('(' * 250 + '1' + ')' * 250)
# ---- brackets of lists, 150
eval('[' * 150 + ']' * 150)
# ---- a sum of many
assert eval('+'.join(['1'] * 500)) == 500
# ---- a sum of very many
assert eval('+'.join(['1'] * 2000)) == 2000
# ---- a sum of five thousand
eval('+'.join(['1'] * 5000))
# ---- minus minus
assert eval('-' * 90 + '1') == 1
# ---- attributes of attributes
eval('x' + '.real' * 2000, {'x': 1})
# ---- ast.literal_eval
import ast
x = ast.literal_eval('[' * 90 + ']' * 90)
# ---- a big else if
text = 'if x == 0:\n    y = 0\n' + ''.join(f'elif x == {n}:\n    y = {n}\n' for n in range(1, 300))
exec(text, {'x': 5})
# ---- fifteen loops in loops
text = ''
for n in range(15):
    text += '    ' * n + f'for x{n} in [0]:\n'
exec(text + '    ' * 15 + 'pass\n')
# ---- twenty loops in loops
text = ''
for n in range(20):
    text += '    ' * n + f'for x{n} in [0]:\n'
exec(text + '    ' * 20 + 'pass\n')
# ---- twenty-one loops in loops
text = ''
for n in range(21):
    text += '    ' * n + f'for x{n} in [0]:\n'
exec(text + '    ' * 21 + 'pass\n')
# ---- the limit
import sys
assert sys.getrecursionlimit() == 1000
# ---- a limit of 1500
import sys
sys.setrecursionlimit(1500)
def down(n):
    return 0 if n == 0 else 1 + down(n - 1)
assert down(1450) == 1450
# ---- a limit of a million, fifty thousand down
import sys
sys.setrecursionlimit(10 ** 6)
def down(n):
    return 0 if n == 0 else 1 + down(n - 1)
assert down(50_000) == 50_000
# ---- a limit of a million, two hundred thousand down
import sys
sys.setrecursionlimit(10 ** 6)
def down(n):
    return 0 if n == 0 else 1 + down(n - 1)
assert down(200_000) == 200_000
# ---- a limit too low
import sys
def down(n):
    if n:
        return down(n - 1)
    sys.setrecursionlimit(20)
try:
    down(100)
    raise ValueError
except RecursionError:
    pass
# ---- a limit of fifty
import sys
sys.setrecursionlimit(50)
def down(n):
    return 0 if n == 0 else 1 + down(n - 1)
try:
    down(50)
    raise ValueError
except RecursionError:
    pass
# ---- a limit of none
import sys
sys.setrecursionlimit(0)
# ---- a limit past an int
import sys
sys.setrecursionlimit(2 ** 31)
# ---- a limit of 2 ** 31 - 1
import sys
sys.setrecursionlimit(2 ** 31 - 1)
# ---- an error while handling errors
def down():
    try:
        down()
    finally:
        down2()
def down2():
    pass
try:
    down()
except RecursionError:
    pass
# ---- isinstance of tuples in tuples
x = int
for _ in range(900):
    x = (x,)
assert isinstance(1, x)
# ---- isinstance of tuples in tuples, 50000
x = int
for _ in range(50000):
    x = (x,)
try:
    isinstance(1, x)
except RecursionError:
    pass
# ---- a chain of maps, 900
x = [1]
for _ in range(900):
    x = map(abs, x)
assert list(x) == [1]
# ---- a chain of maps, 20000
x = [1]
for _ in range(20000):
    x = map(abs, x)
assert list(x) == [1]
# ---- a sieve of filters
def sieve():
    numbers = iter(range(2, 3000))
    while True:
        prime = next(numbers, None)
        if prime is None:
            return
        yield prime
        numbers = filter(lambda n, p=prime: n % p, numbers)
assert len(list(sieve())) == 430
# ---- a chain of itertools
import itertools
x = iter([1])
for _ in range(20000):
    x = itertools.chain(x, [2])
assert next(x) == 1
# ---- a chain of partials
from functools import partial
f = abs
for _ in range(900):
    f = partial(f)
assert f(-1) == 1
# ---- Hanoi
def move(n, a, b, c):
    return [] if n == 0 else move(n - 1, a, c, b) + [(a, c)] + move(n - 1, b, a, c)
assert len(move(12, 1, 2, 3)) == 4095
# ---- Ackermann
import sys
sys.setrecursionlimit(100000)
def ack(m, n):
    return n + 1 if m == 0 else ack(m - 1, 1) if n == 0 else ack(m - 1, ack(m, n - 1))
assert ack(2, 300) == 603 and ack(3, 5) == 253
# ---- a depth-first search
def visit(graph, node, seen):
    seen.add(node)
    for other in graph[node]:
        if other not in seen:
            visit(graph, other, seen)
    return seen
assert len(visit({n: [n + 1] for n in range(900)} | {900: []}, 0, set())) == 901
# ---- flatten by extend of itself
def flatten(x):
    return [z for y in x for z in (flatten(y) if isinstance(y, list) else [y])]
x = [1]
for _ in range(400):
    x = [x]
assert flatten(x) == [1]
# ---- all of any
def ok(n):
    return n == 0 or all(any(ok(m) for m in [n - 1]) for _ in [0])
assert ok(150)
# ---- all of any, 250
def ok(n):
    return n == 0 or all(any(ok(m) for m in [n - 1]) for _ in [0])
assert ok(250)
# ---- min with a key
def best(n):
    return n if n == 0 else min([n - 1], key=lambda m: best(m))
best(400)
# ---- nested parentheses by recursion
def depth(s):
    return 0 if not s else 1 + depth(s[1:-1])
assert depth('(' * 300 + ')' * 300) == 300
# ---- super in super
class A:
    def f(self, n):
        return n
for _ in range(300):
    A = type('A', (A,), {'f': lambda self, n, A=A: super(self.__class__, self).f(n) if False else A.f(self, n)})
assert A().f(1) == 1
# ---- string of an exception's cause
e = None
for _ in range(300):
    f = ValueError(1)
    f.__cause__ = e
    e = f
import traceback
traceback.format_exception(e)
# ---- a context of exceptions
def down(n):
    try:
        raise ValueError
    except ValueError:
        if n:
            down(n - 1)
down(300)
