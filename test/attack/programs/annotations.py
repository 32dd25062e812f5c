# ---- a parameter of a module's function
def f(x: List[int]):
    return x
# ---- a result
def f(x) -> Optional[int]:
    return x
# ---- imported after it was needed
def f(x: List[int]):
    return x
from typing import List
# ---- imported before
from typing import List, Optional, Dict
def f(x: List[int], *args: Dict[str, int], y: Optional[int] = None, **kwargs: 'Anything') -> List[int]:
    return x
assert f([1]) == [1]
# ---- star arguments
def f(*args: Tuple[int]):
    return args
# ---- keyword arguments
def f(**kwargs: Any):
    return kwargs
# ---- only by keyword
def f(*, key: Callable = None):
    return key
# ---- only by position
def f(x: Deque, /):
    return x
# ---- as text
def f(x: 'List[int]') -> 'Nothing at all':
    return x
assert f(1) == 1
# ---- switched off by the future
from __future__ import annotations
def f(x: List[int]) -> Missing:
    y: Absent = 1
    return x
z: AbsentToo = 2
assert f(z) == 2
# ---- a name of the module
count: Counter = 0
# ---- a name of the module without a value
count: Counter
# ---- a name of a class
class A:
    x: Missing = 1
# ---- a name of a class without a value
class A:
    x: Missing
# ---- a name in a function
def f():
    x: Missing = 1
    y: Dict[str, int] = {}
    return x
assert f() == 1
# ---- an attribute in a function
class A:
    pass
def f(a):
    a.x: Missing = 1
    return a.x
assert f(A()) == 1
# ---- an attribute in the module
class A:
    pass
A.x: Missing = 1
# ---- in brackets
(x): Missing = 1
# ---- a function in a function
def f():
    def g(x: Missing):
        return x
    return g(1)
f()
# ---- a function in a function that is not called
def f():
    def g(x: Missing):
        return x
    return g(1)
# ---- a method
class A:
    def f(self, other: A):
        return other
# ---- a method, as text
class A:
    def f(self, other: 'A') -> 'A':
        return other
assert isinstance(A().f(A()), A)
# ---- a class that names itself
class Node:
    next: Node = None
# ---- a default of a lambda
f = lambda x=Missing: x
# ---- a default of a function
def f(x=Missing):
    return x
# ---- a default and its annotation
def f(x: List[int] = []):
    return x
# ---- in which order
order = []
def note(x):
    order.append(x)
    return lambda f: f
@note('decorator')
def f(x: note('annotation') = note('default')) -> note('result'):
    pass
assert order == ['decorator', 'default', 'annotation', 'result'], order
# ---- values are computed at once
n = 1
def f(x: n):
    pass
n = 2
assert f.__annotations__ == {'x': 1}
# ---- an annotation that divides by zero
def f(x: 1 / 0):
    pass
# ---- an annotation that prints
def f(x: print('hello')):
    return x
assert f.__annotations__ == {'x': None}
# ---- an annotation with a walrus
def f(x: (y := 3)):
    return x
assert y == 3
# ---- an annotation with an await
async def f():
    def g(x: await h()):
        pass
# ---- an annotation with a yield
def f():
    def g(x: (yield 1)):
        return x
    return g
assert next(f()) == 1
# ---- a dataclass
from dataclasses import dataclass
@dataclass
class P:
    x: int
    y: List[int]
# ---- a dataclass that is right
from dataclasses import dataclass, field
from typing import List
@dataclass(order=True)
class P:
    x: int
    y: List[int] = field(default_factory=list)
assert P(1) < P(2) and P(1, [2]).y == [2]
# ---- a named tuple
from typing import NamedTuple
class P(NamedTuple):
    x: int
    y: Optional[int] = None
# ---- a named tuple that is right
from typing import NamedTuple, Optional
class P(NamedTuple):
    x: int
    y: Optional[int] = None
assert P(1) == (1, None) and P.__annotations__['x'] is int
# ---- a typed dictionary
from typing import TypedDict
class P(TypedDict):
    x: Missing
# ---- a typed dictionary that is right
from typing import TypedDict
class P(TypedDict, total=False):
    x: int
assert P(x=1) == {'x': 1}
# ---- annotations of a class that has none
class A:
    pass
assert A.__annotations__ == {}
# ---- annotations of the module
x: int = 1
assert __annotations__ == {'x': int}
# ---- annotations of the module in its dictionary
x: int = 1
assert '__annotations__' in globals()
# ---- changed by hand
def f(x: int):
    return x
f.__annotations__['x'] = str
assert f.__annotations__ == {'x': str}
# ---- hints by typing
import typing
def f(x: 'int') -> 'typing.List[int]':
    return x
assert typing.get_type_hints(f) == {'x': int, 'return': typing.List[int]}
# ---- a type of two
def f(x: int | None = None) -> int | str:
    return x
assert f() is None
# ---- a type of two as text and not
def f(x: 'A' | None):
    return x
# ---- built-in generics
def f(x: list[int], y: dict[str, tuple[int, ...]]) -> set[int]:
    return x
assert f([1], {}) == [1]
# ---- the names of a comprehension
x = [y for y in range(3)]
def f(z: y):
    pass
# ---- a deleted name
import typing
def f(x: typing.List):
    pass
del typing
def g(x: typing.List):
    pass
# ---- caught
try:
    def f(x: Missing):
        pass
except NameError:
    x = 1
assert x == 1
# ---- a problem's own shape, without its import
def below_zero(operations: List[int]) -> bool:
    balance = 0
    for op in operations:
        balance += op
        if balance < 0:
            return True
    return False
assert below_zero([1, -2])
