# ---- an endless loop
while True:
    pass
# ---- an endless loop in an endless try
while True:
    try:
        while True:
            pass
    except BaseException:
        pass
# ---- an endless recursion of generators
def more():
    while True:
        yield from iter([1])
for _ in more():
    pass
# ---- a slow pattern
import re
re.match(r'(a+)+$', 'a' * 64 + 'b')
# ---- a number too long to be counted
sum(1 for _ in range(10 ** 12))
# ---- a power that takes for ever
x = 3 ** (10 ** 9)
# ---- sleep past the limit
import time
time.sleep(4)
# ---- sleep for ever
import time
time.sleep(10 ** 6)
# ---- sleep in small steps
import time
while True:
    time.sleep(0.01)
# ---- sleep within the limit
import time
before = time.monotonic()
time.sleep(1)
assert 1 <= time.monotonic() - before < 2.5
# ---- sleep by select
import select
select.select([], [], [], 5)
# ---- sleep by an event
import threading
threading.Event().wait(6)
# ---- wait for a lock that is held
import threading
lock = threading.Lock()
lock.acquire()
lock.acquire()
# ---- an empty queue
import queue
queue.Queue().get(timeout=0.1)
# ---- asyncio that sleeps past the limit
import asyncio
asyncio.run(asyncio.sleep(5))
# ---- asyncio that waits for ever
import asyncio
async def wait():
    await asyncio.Event().wait()
asyncio.run(wait())
# ---- an endless iterator in C
import itertools, collections
collections.deque(itertools.count(), maxlen=0)
# ---- a metaclass that loops
class Loop(type):
    def __instancecheck__(self, thing):
        while True:
            pass
class Kind(metaclass=Loop):
    pass
isinstance(1, Kind)
# ---- a wait by the processor's clock
import time
began = time.process_time()
while time.process_time() - began < 0.2:
    pass
# ---- a wait of select
import select, time
began = time.monotonic()
select.select([], [], [], 0.5)
assert time.monotonic() - began >= 0.5
# ---- a wait of select that is too long
import select
select.select([], [], [], 100)
