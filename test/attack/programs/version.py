# ---- 4300 digits written
assert len(str(10 ** 4299)) == 4300
# ---- 4301 digits written
str(10 ** 4300)
# ---- 4300 digits read
assert int('1' * 4300)
# ---- 4301 digits read
int('1' * 4301)
# ---- a limit of digits of one's own
import sys
sys.set_int_max_str_digits(100_000)
assert len(str(2 ** 100_000)) == 30103
# ---- digits in base 16
assert len(hex(16 ** 50_000)) == 50_003 and int('f' * 50_000, 16)
# ---- a factorial too long to write
import math
str(math.factorial(2000))
# ---- a number too large for a float
float(10 ** 309)
# ---- a quotient of large numbers
assert 10 ** 400 / 10 ** 399 == 10.0
# ---- a shift past memory
1 << (1 << 40)
# ---- a length past a signed word
len(range(2 ** 31))
# ---- a length past thirty-two bits
len(range(2 ** 40))
# ---- a range past thirty-two bits
assert list(range(2 ** 40, 2 ** 40 + 3))[1] == 2 ** 40 + 1 and 2 ** 41 not in range(2 ** 40)
# ---- a long repetition of nothing
assert '' * 2 ** 40 == ''
# ---- a slice past thirty-two bits
assert [1, 2, 3][:2 ** 40] == [1, 2, 3] and 'abc'[-2 ** 40:2 ** 33] == 'abc'
# ---- a hash past thirty-two bits
assert hash(2 ** 40) == 2 ** 40
# ---- floats rounded
assert round(2.675, 2) == 2.67 and round(0.5) == 0 and round(-1.5) == -2 and f'{2.5:.0f}' == '2'
# ---- sines and logarithms
import math
assert math.sin(1) == 0.8414709848078965 and math.log(10) == 2.302585092994046 and math.exp(1) == 2.718281828459045
# ---- sums of floats
import math
assert sum([0.1] * 10) == 0.9999999999999999 and math.fsum([0.1] * 10) == 1.0
# ---- a sum of floats, precise
assert sum([1e16, 1.0, -1e16]) == 0.0
# ---- random numbers of a seed
import random
random.seed(1)
assert random.random() == 0.13436424411240122 and random.randint(1, 100) == 98
# ---- seeds that are no numbers
import random
random.seed((1, 2))
# ---- a sample of a set
import random
random.sample({1, 2, 3}, 2)
# ---- which Python
import sys
assert sys.version_info[:2] == (3, 11)
# ---- modules of before
import imp
# ---- modules of before, distutils
import distutils
# ---- modules of before, cgi
import cgi
# ---- modules of before, lib2to3
import lib2to3
# ---- names of before, collections
from collections import Mapping
# ---- names of later, math
from math import sumprod
# ---- names of later, itertools
from itertools import batched
# ---- names of later, typing
from typing import override
# ---- names of now, typing
from typing import Self, LiteralString, Never, assert_never, reveal_type
# ---- names of before, ast
import ast
ast.Num, ast.Str
# ---- names of before, unittest
import unittest
unittest.makeSuite
# ---- names of before, asyncio
import asyncio
asyncio.get_event_loop()
# ---- syntax of later, type
type Pair = tuple[int, int]
# ---- syntax of later, generics
def first[T](x: list[T]) -> T:
    return x[0]
# ---- syntax of later, quotes in quotes
x = {'a': 1}
assert f'{x['a']}' == '1'
# ---- syntax of later, a backslash in an f-string
x = ['a', 'b']
assert f"{'\n'.join(x)}" == 'a\nb'
# ---- syntax of later, a comment in an f-string
x = f'''{
    1 # one
}'''
# ---- syntax of later, except without brackets
try:
    pass
except ValueError, TypeError:
    pass
# ---- syntax of later, t-strings
x = t'hello'
# ---- syntax of now, match
match [1, 2]:
    case [x, *_]:
        assert x == 1
# ---- syntax of now, except star
try:
    raise ExceptionGroup('g', [ValueError()])
except* ValueError:
    pass
# ---- comprehensions have frames
def f():
    x = 1
    return [locals().get('x') for _ in [0]]
assert f() == [None]
# ---- locals of a function, changed
def f():
    x = 1
    d = locals()
    d['x'] = 5
    exec('x = 7')
    return locals()['x']
assert f() == 1
# ---- exec in a function
def f():
    exec('y = 3')
    return locals()['y']
assert f() == 3
# ---- a class of comprehension with locals
class A:
    x = 1
    y = [locals().get('x') for _ in range(2)]
assert A.y == [None, None]
# ---- not of bool
assert ~True == -2
# ---- text of an enumeration
import enum
class C(enum.Enum):
    A = 1
assert str(C.A) == 'C.A' and f'{C.A}' == 'C.A'
# ---- text of an int enumeration
import enum
class C(enum.IntEnum):
    A = 1
assert str(C.A) == '1' and f'{C.A}' == '1'
# ---- members by value in an enumeration
import enum
class C(enum.Enum):
    A = 1
1 in C
# ---- members by value in a string enumeration
import enum
class C(str, enum.Enum):
    A = 'a'
assert f'{C.A}' == 'C.A'
# ---- dates from text
import datetime
assert datetime.date.fromisoformat('20240102') == datetime.date(2024, 1, 2)
# ---- text of an error, too many arguments
class A:
    def f(self):
        pass
try:
    A().f(1)
except TypeError as e:
    assert str(e) == 'A.f() takes 1 positional argument but 2 were given'
# ---- text of an error, division
try:
    1 % 0
except ZeroDivisionError as e:
    assert str(e) == 'integer modulo by zero'
# ---- text of an error, unpacking
try:
    a, b = [1, 2, 3]
except ValueError as e:
    assert str(e) == 'too many values to unpack (expected 2)'
# ---- text of an error, a set
try:
    {[]: 1}
except TypeError as e:
    assert str(e) == "unhashable type: 'list'"
# ---- an indented docstring
def f():
    """One

    two
    """
assert f.__doc__ == 'One\n\n    two\n    '
# ---- identity of small numbers
a, b = 256, 256
assert a is b and int('256') is int('256') and int('257') is not int('257')
# ---- text of dates
import datetime
assert datetime.datetime(2024, 1, 2).strftime('%A, %d %B %Y %j') == 'Tuesday, 02 January 2024 002'
# ---- text of dates, without zeros
import datetime
assert datetime.datetime(2024, 1, 2).strftime('%-d.%-m.') == '2.1.'
# ---- digests
import hashlib
assert hashlib.md5(b'Hello world').hexdigest() == '3e25960a79dbc69b674cd4ec67a72c62'
assert hashlib.new('sha1', b'').hexdigest().startswith('da39') and hashlib.blake2b(b'').digest_size == 64
# ---- ssl
import ssl
# ---- curses
import curses
# ---- unicode of the year
import unicodedata
assert unicodedata.unidata_version == '14.0.0'
# ---- decimals
from decimal import Decimal, getcontext
getcontext().prec = 50
assert str(Decimal(1) / 7) == '0.14285714285714285714285714285714285714285714285714'
# ---- fractions formatted
from fractions import Fraction
f'{Fraction(1, 3):.2f}'
