# ---- asyncio runs
import asyncio
async def add(x, y):
    await asyncio.sleep(0)
    return x + y
async def main():
    return sum(await asyncio.gather(*(add(n, n) for n in range(10))))
assert asyncio.run(main()) == 90
# ---- asyncio with time-outs and tasks
import asyncio
async def main():
    task = asyncio.create_task(asyncio.sleep(10))
    try:
        await asyncio.wait_for(task, 0.05)
    except asyncio.TimeoutError:
        return 'late'
assert asyncio.run(main()) == 'late' and asyncio.run(main()) == 'late'
# ---- asyncio with a queue
import asyncio
async def main():
    queue, seen = asyncio.Queue(2), []
    async def produce():
        for n in range(5):
            await queue.put(n)
    async def consume():
        for _ in range(5):
            seen.append(await queue.get())
    await asyncio.gather(produce(), consume())
    return seen
assert asyncio.run(main()) == [0, 1, 2, 3, 4]
# ---- asyncio with a loop of one's own
import asyncio
loop = asyncio.new_event_loop()
order = []
loop.call_later(0.02, order.append, 2)
loop.call_soon(order.append, 1)
loop.call_later(0.04, loop.stop)
loop.run_forever()
loop.close()
assert order == [1, 2]
# ---- a recursion of twenty thousand
import sys
sys.setrecursionlimit(50_000)
def down(n):
    return 0 if n == 0 else 1 + down(n - 1)
assert down(20_000) == 20_000
# ---- a recursion without end
def down(n):
    return down(n + 1)
try:
    down(0)
except RecursionError:
    pass
# ---- lists nested in lists
x = []
for _ in range(400):
    x = [x]
assert repr(x).count('[') == 401
# ---- big numbers
assert str(2 ** 4000)[:5] == '13182'
assert pow(3, 10 ** 40, 10 ** 20 + 39) == pow(3, 10 ** 40, 10 ** 20 + 39) and (10 ** 50) // 7 * 7 <= 10 ** 50
# ---- numbers past thirty-two bits
x = list(range(3))
assert 2 ** 31 + 2 ** 31 == 4294967296 and hash(2 ** 61 - 1) == 0
# ---- the largest size
import sys
assert sys.maxsize > 2 ** 32
# ---- text of all planes
word = 'naïve Ünïcödé Ελληνικά 漢字 🐍'
Σ = len(word)
assert word.upper().startswith('NAÏVE') and Σ == 27 and '🐍'.encode() == b'\xf0\x9f\x90\x8d'
# ---- a signal by hand
import signal
seen = []
signal.signal(signal.SIGUSR1, lambda number, frame: seen.append(number))
signal.raise_signal(signal.SIGUSR1)
assert seen == [signal.SIGUSR1]
# ---- a thread
import threading
seen = []
thread = threading.Thread(target=seen.append, args=(1,))
thread.start()
thread.join()
assert seen == [1]
# ---- a pool of threads
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(2) as pool:
    assert list(pool.map(abs, [-1, 2])) == [1, 2]
# ---- files of one's own
import json, os
with open('notes.json', 'w') as file:
    json.dump({'a': 1}, file)
assert json.load(open('notes.json')) == {'a': 1} and os.path.getsize('notes.json') == 8
with open('bytes', 'w+b') as file:
    file.write(b'abc')
    file.seek(1)
    assert file.read() == b'bc'
# ---- a database in memory
import sqlite3
base = sqlite3.connect(':memory:')
base.execute('create table t (x)')
base.execute('insert into t values (3)')
assert base.execute('select x from t').fetchone() == (3,)
# ---- much of the library
import array, base64, bz2, csv, dataclasses, difflib, enum, gzip, hashlib, html, inspect, lzma, pickle, secrets, textwrap, unicodedata, uuid, zlib
assert zlib.decompress(zlib.compress(b'x')) == b'x' and hashlib.sha256(b'').hexdigest().startswith('e3b0')
# ---- a catch of the executor's own time-out
try:
    while True:
        pass
except Exception:
    pass
