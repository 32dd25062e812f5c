/**
 * Chat templates that loop, grow, recurse or reach for objects that are not theirs: a server on such a base answers
 * its chats with a sentence or an answer, and keeps answering other requests; so does `corpus --mode instruct`.
 */
import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Random } from '../support/random.ts';
import { writeTinyModel } from '../support/tiny-model.ts';
import type { Campaign, Trial } from './campaign.ts';
import { Served } from './served.ts';
import { mustBeSentence, openGround, within, type Ground } from './support.ts';

const COUNT = 30;
/** For the process of templates, which is ended earlier. */
const MAX_MS = 60_000;

export const templates: Campaign = {
  title: 'hostile templates',
  async open({ seed }) {
    const ground = await openGround();
    const { at } = ground;
    await mkdir(at('code'));
    await writeFile(
      at('code/a.js'),
      '/** Adds two numbers, both of them whole. */\nexport function add(a, b) {\n  return a + b;\n}\n'.repeat(
        9,
      ),
    );
    const random = new Random(seed);
    const trials = Array.from({ length: COUNT }, (_, index): Trial => {
      const { name, template } = draw(random, index);
      const run = index % 3 === 2 ? inCorpus : inServer;
      return {
        name: `${run === inServer ? 'chat' : 'corpus'}: ${name}, ${index}`,
        async run() {
          await writeTinyModel(at('templated.gguf'), { layers: 1, chatTemplate: template });
          await run(ground);
        },
      };
    });
    return { trials, close: ground.close };
  },
};

async function inServer({ at }: Ground): Promise<void> {
  const served = new Served(['--base', at('templated.gguf')]);
  try {
    const right = await served.answer('base');
    const roles = ['user', 'assistant', 'user'];
    let over = false;
    const chats = Array.from({ length: 3 }, () =>
      served.ask(
        '/v1/chat/completions',
        { messages: roles.map((role) => ({ role, content: 'Hi' })), max_tokens: 2 },
        MAX_MS,
      ),
    );
    const all = Promise.all(chats).finally(() => (over = true));
    // If the server ends, the first request to notice reports it.
    all.catch(() => undefined);
    do await within(served.mustAnswerWith('base', right));
    while (!over);
    for (const { status, text } of await all) {
      if (status >= 500) throw new Error(`answered ${status}: ${text.slice(0, 200)}`);
      if (status !== 200) mustBeSentence((JSON.parse(text) as { error: { message: string } }).error.message);
    }
  } finally {
    await served.close();
  }
}

const inCorpus = ({ at }: Ground) =>
  new Promise<void>((done, fail) => {
    const args = ['corpus', at('code'), '--mode', 'instruct', '--base', at('templated.gguf')];
    execFile(
      process.execPath,
      [resolve('dist/cli.mjs'), ...args],
      { timeout: MAX_MS },
      (error, _, stderr) => {
        if (!error) return done();
        if (error.code !== 1) return fail(new Error(`it ended with ${error.signal ?? error.code}`));
        if (!/\[[a-z-]+\] ./.test(stderr) || stderr.includes('[internal]'))
          return fail(new Error(stderr.slice(-300)));
        done();
      },
    );
  });

const REAL = '{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}';

function draw(random: Random, index: number): { name: string; template: string } {
  const pick = <T>(list: readonly T[]): T => list[random.integer(list.length)]!;
  const size = () => pick([3000, 90_000, 1_000_000, 100_000_000, 1_000_000_000]);
  const grow = (step: string, times: number) =>
    `{% set n = namespace(x="abcdefgh", l=[1, 2]) %}{% for i in range(${times}) %}${step}{% endfor %}`;
  const harms: (() => string)[] = [
    () => `{% for i in range(${size()}) %}{% endfor %}`,
    () => `{% for i in range(${size()}) %}{% for j in range(${size()}) %}{% endfor %}{% endfor %}`,
    () => `{{ range(${size()}) | ${pick(['list', 'join', 'join(",")', 'sort', 'map("string") | list'])} }}`,
    () =>
      `${grow('{% set n.x = n.x ~ n.x %}', pick([20, 26, 40, 500]))}{{ n.x${pick(['', ' | upper', ' | trim', ' | tojson', ' | length'])} }}`,
    () =>
      `${grow('{% set n.l = n.l + n.l %}', pick([20, 30, 60]))}{{ n.l | ${pick(['length', 'join', 'tojson'])} }}`,
    () => `${grow('{% set n.x = n.x | replace("a", "aaaaaaaaaaaaaaaa") %}', pick([5, 9, 40]))}{{ n.x }}`,
    () =>
      `{% macro again(n) %}{{ again(n + 1) }}${pick(['', '{{ again(n + 1) }}'])}{% endmacro %}{{ again(0) }}`,
    () =>
      `{% macro twice(n) %}{% if n %}{{ twice(n - 1) }}{{ twice(n - 1) }}{% endif %}.{% endmacro %}{{ twice(${pick([18, 26, 60])}) }}`,
    () => `{{ messages | tojson(indent=${size()}) }}`,
    () => `{{ "a\nb" | indent(${size()}) }}`,
    () => `{{ ${'('.repeat(pick([500, 20_000]))}1${')'.repeat(20_000)} }}`,
    () => '{% if true %}'.repeat(pick([500, 20_000])) + '{% endif %}'.repeat(20_000),
    () =>
      `{{ ${pick(['messages', '""', 'range', 'raise_exception', 'namespace()', 'messages[0]'])}.${pick(['constructor.constructor("return process")()', '__proto__.polluted', 'constructor.prototype', '__defineGetter__("x", range)', 'valueOf()'])} }}`,
    () =>
      '{% set n = namespace() %}{% set n.__proto__ = messages %}{% set n.constructor = 1 %}{{ n.__proto__ }}',
    () => `{{ raise_exception("${'long '.repeat(pick([10, 100_000]))}") }}`,
    () => `{{ strftime_now("${'%Y%c%'.repeat(pick([3, 100_000]))}") }}`,
    () => `{# ${'x'.repeat(3_000_000)} #}`,
    () => `${'{{ "x" }}'.repeat(200_000)}`,
    () =>
      pick([
        '{% for %}',
        '{{',
        '{% endfor %}',
        '\u0000',
        '{{ 1 / 0 }}',
        '{{ messages[::0] }}',
        '{{ messages[-1:0:-1] | length }}',
      ]),
    () => `{% for i in range(${size()}) %}${'x'.repeat(1000)}{% endfor %}`,
    () => `{% for i in range(9000000) %}{% set x = messages | tojson %}{% endfor %}`,
  ];
  const harm = [harms[index % harms.length]!(), ...(random.integer(4) ? [] : [pick(harms)()])].join('');
  // Where it is tried, or only in a longer conversation.
  const late = index % 3 !== 2 && random.integer(3) > 0;
  const template = late ? `{% if messages | length > 2 %}${harm}{% endif %}${REAL}` : `${harm}${REAL}`;
  return { name: `${late ? 'late ' : ''}${harm.slice(0, 70).replaceAll('\n', ' ')}`, template };
}
