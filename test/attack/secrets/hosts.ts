/** Where a command or a statement can occur: in a separate script, or in a file of another language. */
import { fill, type Draw } from './draw.ts';
import { doubleQuoted, indented } from './languages/quoting.ts';
import {
  csharp,
  dockerfile,
  go,
  java,
  javascript,
  json,
  markdown,
  notebook,
  php,
  python,
  ruby,
  rust,
  shell,
  sql,
  typescript,
  yaml,
  pipelineOf,
} from './languages/index.ts';
import { fileWith, type Cell, type Language } from './model.ts';

type Wrap = (line: string, draw: Draw) => string;
type Hosts = readonly (readonly [Language, Readonly<Record<string, Wrap>>])[];

const fenced =
  (language: string): Wrap =>
  (line) =>
    `\`\`\`${language}\n${line}\n\`\`\``;

const COMMAND_HOSTS: Hosts = [
  [
    shell,
    {
      'a line': (line) => line,
      'in a condition': (line, draw) => fill('if [ -n "${w}" ]; then\n', draw) + `  ${line}\nfi`,
      'in a function': (line, draw) => fill('{w}() {\n', draw) + `  ${line}\n}`,
      'in a loop': (line, draw) => fill('for {w} in "$@"; do\n', draw) + `  ${line}\ndone`,
      'result taken': (line, draw) => fill('{w}=$(', draw) + `${line})`,
      'piped on': (line, draw) => line + fill(' | grep {w} > /tmp/{w}.txt', draw),
      'output thrown away': (line) => `${line} >/dev/null 2>&1 || true`,
      'commented out': (line, draw) => `# ${line}\n` + fill('make {w}', draw),
    },
  ],
  [
    dockerfile,
    {
      'a line': (line) => `RUN ${line}`,
      'among others': (line, draw) => fill('RUN mkdir -p /{w} && ', draw) + `${line} && rm -rf /tmp/*`,
    },
  ],
  [yaml, { 'step of a pipeline': pipelineOf }],
  [
    python,
    {
      system: (line) => `os.system(${triple(line)})`,
      subprocess: (line) => `subprocess.run(${triple(line)}, shell=True, check=True)`,
    },
  ],
  [notebook, { system: (line) => `!${line}` }],
  [javascript, { exec: (line) => `execSync(\`${line.replace(/[`\\$]/g, '\\$&')}\`);` }],
  [ruby, { system: (line) => `system(%q[${line}])` }],
  [go, { exec: (line) => `exec.Command("sh", "-c", \`${line.replaceAll('`', "'")}\`)` }],
  [
    json,
    { 'script of a package': (line, draw) => `"scripts": {\n  "${draw.word()}": ${JSON.stringify(line)}\n}` },
  ],
  [
    markdown,
    { fenced: fenced('sh'), 'inline code': (line, draw) => fill('For the {w}, call `', draw) + `${line}\`.` },
  ],
];

const STATEMENT_HOSTS: Hosts = [
  [
    sql,
    {
      'a line': (line) => `${line};`,
      'in a block': (line) => `DO $$ BEGIN\n  EXECUTE $q$${line}$q$;\nEND $$;`,
      'commented out': (line) => `-- ${line};`,
    },
  ],
  [
    python,
    {
      execute: (line) => `cursor.execute(${triple(line)})`,
      'in text': (line) => `STATEMENT = ${triple(line)}`,
    },
  ],
  [php, { query: (line) => `$pdo->exec(${doubleQuoted(line).replaceAll('$', '\\$')});` }],
  [go, { exec: (line) => `_, err := db.Exec(\`${line}\`)` }],
  [java, { execute: (line) => `statement.execute(${doubleQuoted(line)});` }],
  [csharp, { command: (line) => `var command = new SqlCommand(${doubleQuoted(line)}, connection);` }],
  [typescript, { query: (line) => `await client.query(\`${line.replace(/[`\\]|\$\{/g, '\\$&')}\`);` }],
  [rust, { execute: (line) => `sqlx::query(r#"${line}"#).execute(&pool).await?;` }],
  [
    shell,
    {
      psql: (line) => `psql -U postgres -c "${line.replace(/["$`\\]/g, '\\$&')}"`,
      'here document': (line) => `mysql -u root <<'EOF'\n${line};\nEOF`,
    },
  ],
  [yaml, { 'script of a map': (line) => `data:\n  init.sql: |\n${indented(`${line};`, '    ')}` }],
  [markdown, { fenced: fenced('sql') }],
];

function triple(line: string): string {
  return `"""${line.replaceAll('\\', '\\\\')} """`;
}

const hosted = (hosts: Hosts, write: (draw: Draw) => string, only?: readonly Language[]): Cell[] =>
  hosts
    .filter(([language]) => !only || only.includes(language))
    .flatMap(([language, wraps]) =>
      Object.entries(wraps).map(([spelling, wrap]) => ({
        language: language.name,
        spelling: [spelling],
        write: (draw: Draw) => fileWith(language, wrap(write(draw), draw), draw),
      })),
    );

/** A command line wherever one can occur. */
export const command = (write: (draw: Draw) => string, only?: readonly Language[]) =>
  hosted(COMMAND_HOSTS, write, only);

/** An SQL statement, without its semicolon, wherever one can occur. */
export const statement = (write: (draw: Draw) => string, only?: readonly Language[]) =>
  hosted(STATEMENT_HOSTS, write, only);
