# ---- a gigabyte and more, at once
x = b'x' * ((1 << 31) - 64)
# ---- a list that never ends
x = []
while True:
    x.append(bytearray(1 << 20))
# ---- a string that doubles
x = 'x'
while True:
    x += x
# ---- a number that squares
x = 10
while True:
    x *= x
# ---- eighty files of fifty megabytes
for number in range(80):
    with open(f'{number}.bin', 'wb') as file:
        file.write(b'x' * 50_000_000)
raise ValueError('room enough')
# ---- one file with a hole
with open('hole.bin', 'wb') as file:
    file.seek(3 << 30)
    file.write(b'x')
raise ValueError('room enough')
# ---- a pipe that nobody reads
import os
reader, writer = os.pipe()
while True:
    os.write(writer, b'x' * 65536)
# ---- files without content
number = 0
while True:
    open(f'file-{number}', 'w').close()
    number += 1
# ---- folders in folders
import os
path = '.'
while True:
    path += '/deep'
    os.mkdir(path)
# ---- caught and gone on
try:
    x = b'x' * ((1 << 31) - 64)
except MemoryError:
    pass
x = []
assert x == []
# ---- raised by hand
raise MemoryError
