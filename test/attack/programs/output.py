# ---- a flood of print
for _ in range(100):
    print('x' * 10 ** 6)
# ---- a flood of standard error
import sys
for _ in range(100):
    sys.stderr.write('x' * 10 ** 6)
# ---- a flood past the redirection
import sys
for _ in range(100):
    sys.__stdout__.write('x' * 10 ** 6)
# ---- a flood through the descriptor
import os
for _ in range(100):
    os.write(1, b'x' * 10 ** 6)
# ---- a flood of warnings
import warnings
warnings.simplefilter('always')
for number in range(2000):
    warnings.warn(f'careful {number}')
# ---- a flood in an exception
raise ValueError('x' * 10 ** 7)
# ---- an endless flood
while True:
    print('x' * 1000)
# ---- a word that is no text
print('\ud800')
# ---- writing bytes where text belongs
import sys
sys.stdout.write(b'x')
