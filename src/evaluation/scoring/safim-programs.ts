/** Python programs that judge SAFIM's answers in the sandbox: they end without an exception if the answer is right. */

export interface UnitTest {
  input: string;
  /** Any of these outputs is right. */
  output: string[];
}

/** A value as a Python expression, with json imported. */
const literal = (value: unknown): string => `json.loads(${JSON.stringify(JSON.stringify(value))})`;

/**
 * Removes an answer's last lines until the program is valid and nothing outside the gap has changed: the kinds of its
 * syntax tree's nodes are the same before and after the gap as with `pass` in it. This is the benchmark's truncation,
 * with Python's own parser.
 */
const CUT = `
def _kinds(source):
    found = []
    def walk(node):
        found.append((type(node).__name__, True))
        for child in ast.iter_child_nodes(node):
            walk(child)
        found.append((type(node).__name__, False))
    walk(ast.parse(source))
    return found

def _cut(before, answer, after):
    hole = _kinds(before + 'pass' + after)
    lines = answer.splitlines(keepends=True)
    while lines:
        try:
            whole = _kinds(before + ''.join(lines) + after)
        except (SyntaxError, ValueError, RecursionError):
            lines.pop()
            continue
        head = tail = 0
        most = min(len(hole), len(whole))
        while head < most and hole[head] == whole[head]:
            head += 1
        while tail < most and hole[-1 - tail] == whole[-1 - tail]:
            tail += 1
        if len(whole) >= len(hole) and head + tail >= len(hole) - 2:
            break
        lines.pop()
    return ''.join(lines)
`;

/** Fills the gap with the answer, gives the program its input, and compares what it writes. */
export function fillProgram(
  { before, after }: { before: string; after: string },
  { answer, block, test }: { answer: string; block: boolean; test: UnitTest },
): string {
  return `import ast, builtins, io, json, sys
_before, _answer, _after, _input, _outputs = ${literal([before, answer, after, test.input, test.output])}
${CUT}
_source = _before + (${block ? '_cut(_before, _answer, _after)' : '_answer'}) + _after
sys.stdin = io.TextIOWrapper(io.BytesIO(_input.encode()), encoding='utf-8')
_written = io.TextIOWrapper(io.BytesIO(), encoding='utf-8', write_through=True)
sys.stdout = _written
def _leave(code=None):
    raise SystemExit(code)
try:
    exec(compile(_source, '<solution>', 'exec'), {'__name__': '__main__', '__builtins__': builtins, 'exit': _leave, 'quit': _leave})
except SystemExit as _end:
    if _end.code not in (None, 0):
        raise
def _lines(text):
    return [line.rstrip() for line in text.strip().splitlines()]
_written.flush()
_found = _lines(_written.buffer.getvalue().decode())
assert any(_found == _lines(output) for output in _outputs)
`;
}

/** Whether two calls are the same: of one function, with the same arguments, keywords in any order. */
export const callProgram = (found: string, wanted: string): string =>
  `import ast, json
_found, _wanted = ${literal([found.trim(), wanted.trim()])}
def _parts(source):
    call = ast.parse(source, mode='eval').body
    assert isinstance(call, ast.Call)
    return (ast.dump(call.func), [ast.dump(one) for one in call.args], {one.arg: ast.dump(one.value) for one in call.keywords})
assert _parts(_found) == _parts(_wanted)
`;
