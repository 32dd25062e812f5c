# ---- a linked list of 100,000
class Node:
    def __init__(self, next):
        self.next = next
node = None
for _ in range(100_000):
    node = Node(node)
del node
# ---- a linked list of 100,000, at the end
class Node:
    def __init__(self, next):
        self.next = next
node = None
for _ in range(100_000):
    node = Node(node)
# ---- a linked list of 1,000,000
class Node:
    def __init__(self, next):
        self.next = next
node = None
for _ in range(1_000_000):
    node = Node(node)
del node
# ---- a linked list with slots of 100,000
class Node:
    __slots__ = 'value', 'next'
    def __init__(self, next):
        self.value, self.next = 1, next
node = None
for _ in range(100_000):
    node = Node(node)
del node
# ---- a linked list with slots of 1,000,000
class Node:
    __slots__ = 'next'
    def __init__(self, next):
        self.next = next
node = None
for _ in range(1_000_000):
    node = Node(node)
del node
# ---- a linked list of dataclasses
from dataclasses import dataclass
from typing import Any
@dataclass
class Node:
    value: int
    next: Any
node = None
for n in range(100_000):
    node = Node(n, node)
del node
# ---- a list linked both ways
class Node:
    def __init__(self, before):
        self.before, self.after = before, None
        if before:
            before.after = self
node = None
for _ in range(100_000):
    node = Node(node)
del node
import gc
gc.collect()
# ---- objects with a destructor
class Node:
    freed = 0
    def __init__(self, next):
        self.next = next
    def __del__(self):
        Node.freed += 1
node = None
for _ in range(50_000):
    node = Node(node)
del node
assert Node.freed == 50_000
# ---- objects of a subclass of list
class Node(list):
    pass
node = Node()
for _ in range(100_000):
    node = Node([node])
del node
# ---- objects of a subclass of dict
class Node(dict):
    pass
node = Node()
for _ in range(100_000):
    node = Node(next=node)
del node
# ---- objects of a subclass of tuple
class Node(tuple):
    pass
node = Node()
for _ in range(100_000):
    node = Node([node])
del node
# ---- named tuples in named tuples
from collections import namedtuple
Node = namedtuple('Node', 'value next')
node = None
for n in range(100_000):
    node = Node(n, node)
del node
# ---- tuples in tuples, 100,000
x = ()
for _ in range(100_000):
    x = (x,)
del x
# ---- tuples in tuples, 1,000,000
x = ()
for _ in range(1_000_000):
    x = (x,)
del x
# ---- lists in lists, 100,000
x = []
for _ in range(100_000):
    x = [x]
del x
# ---- lists in lists, 1,000,000
x = []
for _ in range(1_000_000):
    x = [x]
del x
# ---- dictionaries in dictionaries, 100,000
x = {}
for _ in range(100_000):
    x = {0: x}
del x
# ---- dictionaries in dictionaries, 500,000
x = {}
for _ in range(500_000):
    x = {0: x}
del x
# ---- sets of frozen sets
x = frozenset()
for _ in range(50_000):
    x = frozenset([x])
del x
# ---- queues in queues
from collections import deque
x = deque()
for _ in range(50_000):
    x = deque([x])
del x
# ---- all kinds in turn
x = None
for n in range(100_000):
    x = [x] if n % 4 == 0 else (x,) if n % 4 == 1 else {0: x} if n % 4 == 2 else {'a': x}
del x
# ---- closures in closures
def wrap(f):
    return lambda: f
f = None
for _ in range(100_000):
    f = wrap(f)
del f
# ---- generators in generators
def wrap(g):
    yield from g
g = iter(())
for _ in range(100_000):
    g = wrap(g)
del g
# ---- generators that have begun
def wrap(g):
    yield 1
    yield from g
g = iter(())
for _ in range(50_000):
    g = wrap(g)
    next(g)
del g
# ---- maps in maps
x = iter([1])
for _ in range(100_000):
    x = map(abs, x)
del x
# ---- iterators in iterators
import itertools
x = iter([1])
for _ in range(100_000):
    x = itertools.chain([1], x)
del x
# ---- enumerations of enumerations
x = iter([1])
for _ in range(100_000):
    x = enumerate(x)
del x
# ---- zips of zips
x = iter([1])
for _ in range(50_000):
    x = zip(x)
del x
# ---- reversed and filtered
x = iter([1])
for _ in range(50_000):
    x = filter(None, x)
del x
# ---- partials in partials
from functools import partial
f = print
for _ in range(50_000):
    f = partial(partial(f), 1) if False else (lambda g: partial(print, g))(f)
del f
# ---- bound methods
class A:
    def f(self):
        pass
x = A()
for _ in range(50_000):
    y = A()
    y.x = x.f
    x = y
del x, y
# ---- exceptions with causes
e = None
for _ in range(50_000):
    f = ValueError()
    f.__cause__ = e
    e = f
del e, f
# ---- exceptions with contexts
def chain(n):
    e = None
    for _ in range(n):
        try:
            raise ValueError
        except ValueError as error:
            error.__context__ = e
            e = error
    return e
e = chain(20_000)
del e
# ---- a traceback of a thousand frames
import sys
sys.setrecursionlimit(30_000)
def down(n):
    if n == 0:
        raise ValueError
    down(n - 1)
try:
    down(20_000)
except ValueError as e:
    kept = e
del kept
# ---- coroutines
async def f(x):
    return x
x = None
for _ in range(20_000):
    x = f(x)
x.close()
del x
# ---- memory views
x = memoryview(b'abc')
for _ in range(50_000):
    x = memoryview(x)
del x
# ---- slices
x = None
for _ in range(50_000):
    x = slice(x)
del x
# ---- weak references
import weakref
class A:
    pass
x = A()
for _ in range(50_000):
    y = A()
    y.x, y.r = x, weakref.ref(x)
    x = y
del x, y
# ---- cells
def make(x):
    def f():
        return x
    return f.__closure__[0]
c = None
for _ in range(50_000):
    c = make(c)
del c
# ---- classes of classes
A = object
for _ in range(500):
    A = type('A', (A,), {})
del A
import gc
gc.collect()
# ---- a tree
class Node:
    def __init__(self, depth):
        self.left = Node(depth - 1) if depth else None
        self.right = Node(depth - 1) if depth else None
tree = Node(15)
del tree
# ---- a tree that leans
class Node:
    def __init__(self, left, right):
        self.left, self.right = left, right
tree = None
for n in range(100_000):
    tree = Node(tree, None) if n % 2 else Node(None, tree)
del tree
# ---- a tree of lists
def build(n):
    x = []
    for _ in range(n):
        x = [x, 1]
    return x
build(200_000)
# ---- in a function that returns
class Node:
    def __init__(self, next):
        self.next = next
def f():
    node = None
    for _ in range(100_000):
        node = Node(node)
    return 1
assert f() == 1 and f() == 1
# ---- deep in a recursion
class Node:
    def __init__(self, next):
        self.next = next
def f(n):
    if n:
        return f(n - 1)
    node = None
    for _ in range(100_000):
        node = Node(node)
f(900)
# ---- in a sort key
def key(n):
    x = ()
    for _ in range(100_000):
        x = (x,)
    return n
assert sorted([3, 1, 2], key=key) == [1, 2, 3]
# ---- by the collector
import gc
class Node:
    pass
first = node = Node()
for _ in range(200_000):
    node.next = Node()
    node = node.next
node.next = first
del first, node
gc.collect()
# ---- by the collector's own schedule
def ring():
    x = []
    x.append(x)
    for _ in range(1000):
        x = [x]
for _ in range(200):
    ring()
# ---- after an exception
class Node:
    def __init__(self, next):
        self.next = next
def f():
    node = None
    for _ in range(100_000):
        node = Node(node)
    raise ValueError
try:
    f()
except ValueError:
    pass
# ---- made by json
import json
text = '[' * 900 + ']' * 900
for _ in range(100):
    json.loads(text)
# ---- made by ast
import ast
tree = ast.parse('+'.join(['1'] * 500))
del tree
# ---- walked back from the end
class Node:
    def __init__(self, value, next=None):
        self.value, self.next = value, next
def reverse(head):
    before = None
    while head:
        head.next, before, head = before, head, head.next
    return before
head = None
for n in range(100_000):
    head = Node(n, head)
head = reverse(head)
assert head.value == 0
head = None
# ---- a dictionary of parents
x = {}
y = x
for n in range(200_000):
    y['child'] = {}
    y = y['child']
x.clear()
# ---- a list that is emptied
x = []
for _ in range(200_000):
    x = [x]
x.pop()
# ---- a default argument
def f(x=None):
    return x
for _ in range(50_000):
    def f(x=f):
        return x
del f
# ---- an attribute of a function
def make(x):
    def f():
        pass
    f.x = x
    return f
f = None
for _ in range(50_000):
    f = make(f)
del f
