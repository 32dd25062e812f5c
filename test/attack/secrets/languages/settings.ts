/** Formats of settings and documents. */
import { fill, type Draw } from '../draw.ts';
import type { Language } from '../model.ts';
import { doubleQuoted, indented, settingQuoted, shellQuoted, singleQuoted, xmlEscaped } from './quoting.ts';

export const yaml: Language = {
  name: 'YAML',
  paths: ['config/{w}.yml', 'deploy/{w}.yaml', '{w}.config.yaml', 'environments/{w}.yml'],
  namings: ['snake', 'camel', 'kebab', 'upper', 'dotted'],
  quote: settingQuoted,
  forms: {
    entry: '{name}: {value}',
    nested: '{w}:\n  host: {w}.internal\n  {name}: {value}\n  port: {port}',
    'deeply nested': '{w}:\n  {w}s:\n    - name: {w}\n      {name}: {value}',
    'flow mapping': '{w}: { host: {w}.internal, "{name}": {value} }',
    'quoted key': '"{name}": {value}',
    'with a comment': '{name}: {value}  # for {w}',
    folded: '{name}: >-\n  {raw}',
    anchored: '{w}: &{w}\n  {name}: {value}',
    'list of assignments': '{w}:\n  environment:\n    - REGION=eu-west-1\n    - {name}={raw}',
    'commented out': '# {name}: {value}\n{w}: {n}',
  },
  filler: [
    '{w}:\n  replicas: {n}\n  image: acme/{w}:{version}',
    'logging:\n  level: info\n  format: json',
    '{w}s:\n  - {w}\n  - {w}',
    'timeout: {n}s\nretries: 3',
    '# Settings of {w}\nenabled: true',
    'resources:\n  limits:\n    cpu: 500m\n    memory: 256Mi',
  ],
  file: (pieces, draw) => `${draw.chance(0.2) ? '---\n' : ''}${pieces.join('\n')}\n`,
};

export const json: Language = {
  name: 'JSON',
  paths: ['config/{w}.json', '{w}.settings.json', 'deploy/{w}/params.json'],
  namings: ['camel', 'snake', 'pascal', 'kebab', 'upper'],
  quote: (text) => JSON.stringify(text),
  forms: {
    entry: '"{name}": {value}',
    'no space': '"{name}":{value}',
    nested: '"{w}": {\n  "host": "{w}.internal",\n  "{name}": {value},\n  "port": {port}\n}',
    'on one line': '"{w}": { "host": "{w}", "{name}": {value} }',
    'name and value': '"{w}s": [\n  { "name": "{name}", "value": {value} }\n]',
    'key and value': '"variables": [{ "key": "{name}", "value": {value}, "enabled": true }]',
    'path as a key': '"{w}:{name}": {value}',
  },
  filler: [
    '"{w}": {n}',
    '"{w}Url": "https://{w}.internal/{w}"',
    '"{w}s": ["{w}", "{w}"]',
    '"logging": { "level": "info", "format": "json" }',
    '"image": { "name": "acme/{w}", "tag": "{version}" }',
    '"enabled": true',
  ],
  file: (pieces) => `{\n${indented(pieces.join(',\n'), '  ')}\n}\n`,
};

export const toml: Language = {
  name: 'TOML',
  paths: ['config/{w}.toml', '{w}.toml', 'deploy/{w}.toml'],
  namings: ['snake', 'kebab', 'camel'],
  quote: (text, draw) => (draw.chance(0.3) && !text.includes("'") ? `'${text}'` : doubleQuoted(text)),
  forms: {
    entry: '{name} = {value}',
    'no spaces': '{name}={value}',
    'in a table': '[{w}]\nhost = "{w}.internal"\n{name} = {value}',
    'in a dotted table': '[{w}.{w}]\n{name} = {value}\nport = {port}',
    'dotted key': '{w}.{name} = {value}',
    inline: '{w} = { host = "{w}", {name} = {value} }',
    'quoted key': '"{name}" = {value}',
    'commented out': '# {name} = {value}',
  },
  filler: [
    '[{w}]\nenabled = true\nlimit = {n}',
    '[logging]\nlevel = "info"',
    '[[{w}s]]\nname = "{w}"\nsize = {n}',
    '# {W} and {w}',
  ],
};

export const ini: Language = {
  name: 'INI',
  paths: ['config/{w}.ini', 'etc/{w}.conf', 'setup/{w}.cfg'],
  namings: ['snake', 'flat', 'camel', 'kebab'],
  quote: (text, draw) => (draw.chance(0.8) ? text : `"${text}"`),
  forms: {
    entry: '{name} = {value}',
    'no spaces': '{name}={value}',
    colon: '{name}: {value}',
    'in a section': '[{w}]\nhost = {w}.internal\n{name} = {value}\nport = {port}',
    'in a section, aligned': '[{w}]\nhost       = {w}.internal\n{name}   = {value}',
    'blank between': '{name} {value}',
    'commented out': '; {name} = {value}',
  },
  filler: ['[{w}]\nenabled = yes\nlimit = {n}', '[logging]\nlevel = info', '# {W} and {w}', 'workers = {n}'],
};

export const properties: Language = {
  name: 'properties',
  paths: ['src/main/resources/application.properties', 'config/{w}.properties', 'gradle.properties'],
  namings: ['dotted', 'camel', 'kebab'],
  quote: (text) => text,
  forms: {
    entry: '{name}={value}',
    spaces: '{name} = {value}',
    'with a path': 'com.acme.{w}.{name}={value}',
    'path of Spring': 'spring.{w}.{name}={value}',
    colon: '{name}: {value}',
    'default of a variable': '{w}.{name}=${{NAME}:{raw}}',
  },
  filler: [
    'server.port={port}\nserver.{w}.enabled=true',
    'logging.level.com.acme.{w}=INFO',
    '# {W} and {w}',
    '{w}.pool.size={n}\n{w}.timeout={n}',
  ],
  file: (pieces) => `${pieces.join('\n')}\n`,
};

export const env: Language = {
  name: 'environment file',
  paths: ['deploy/{w}.env', 'config/prod.env', 'docker/{w}.env.txt'],
  namings: ['upper'],
  quote: shellQuoted,
  forms: {
    entry: '{name}={value}',
    exported: 'export {name}={value}',
    spaces: '{name} = {value}',
    'with a comment': '{name}={value} # for {w}',
    'commented out': '# {name}={value}',
  },
  filler: [
    'REGION=eu-central-1\nLOG_LEVEL=info',
    '{w}=1',
    '# {W}\nPORT={port}',
    'DEBUG=false',
    'NODE_ENV=production',
  ],
  file: (pieces) => `${pieces.join('\n')}\n`,
};

export const xml: Language = {
  name: 'XML',
  paths: ['config/{w}.xml', 'src/main/resources/{w}.xml', '{W}.config'],
  namings: ['camel', 'pascal', 'kebab', 'dotted', 'upper'],
  quote: (text) => `"${xmlEscaped(text)}"`,
  escape: xmlEscaped,
  forms: {
    element: '<{name}>{raw}</{name}>',
    'element in another': '<{same}>\n  <host>{w}.internal</host>\n  <{name}>{raw}</{name}>\n</{same}>',
    attribute: '<{w} host="{w}.internal" {name}={value} port="{port}" />',
    'name and value': '<property name="{name}" value={value} />',
    'name and text': '<property name="{name}">{raw}</property>',
    'key and value': '<add key="{name}" value={value} />',
    'entry with a key': '<entry key="{name}">{raw}</entry>',
    'text resource': '<string name="{name}">{raw}</string>',
    'parameter in two':
      '<init-param>\n  <param-name>{name}</param-name>\n  <param-value>{raw}</param-value>\n</init-param>',
    'commented out': '<!-- <{name}>{raw}</{name}> -->',
  },
  filler: [
    '<{w} enabled="true" limit="{n}" />',
    '<{same}s>\n  <{same} id="{n}">{W}</{same}>\n</{same}s>',
    '<!-- {W} and {w} -->',
    '<logger name="com.acme.{w}" level="INFO" />',
  ],
  file: (pieces) =>
    `<?xml version="1.0" encoding="UTF-8"?>\n<configuration>\n${indented(pieces.join('\n'), '  ')}\n</configuration>\n`,
};

export const dockerfile: Language = {
  name: 'Dockerfile',
  paths: ['Dockerfile', 'docker/{w}/Dockerfile', 'Dockerfile.{w}'],
  namings: ['upper', 'snake'],
  quote: shellQuoted,
  forms: {
    'ENV with a blank': 'ENV {name} {raw}',
    'ENV with an equals sign': 'ENV {name}={value}',
    'ENV of several': 'ENV REGION=eu-west-1 \\\n    {name}={value} \\\n    PORT={port}',
    'default of ARG': 'ARG {name}={value}',
    LABEL: 'LABEL {w}={w} {name}={value}',
    'RUN with a variable': 'RUN {name}={value} ./{w} --setup',
    'RUN export': 'RUN export {name}={value} && make {w}',
  },
  filler: [
    'WORKDIR /srv/{w}',
    'COPY {w} /srv/{w}',
    'RUN apt-get update && apt-get install -y curl && rm -rf /var/lib/apt/lists/*',
    'EXPOSE {port}',
    'ENV LANG=C.UTF-8',
    'HEALTHCHECK CMD curl -f http://localhost:{port}/{w}',
  ],
  file: (pieces, draw) =>
    `FROM ${draw.pick(['debian:12', 'node:20-slim', 'python:3.12'])}\n${pieces.join('\n')}\n`,
};

export const hcl: Language = {
  name: 'HCL',
  paths: ['infra/{w}.tf', 'terraform/modules/{w}/main.tf', 'env/{w}.tfvars', '{w}.pkr.hcl'],
  namings: ['snake'],
  quote: (text) => doubleQuoted(text).replaceAll('${', '$${'),
  forms: {
    attribute: '{name} = {value}',
    'in a resource':
      'resource "acme_{w}" "{w}" {\n  name     = "{w}"\n  {name} = {value}\n  size     = {n}\n}',
    'in a provider': 'provider "{w}" {\n  region = "eu-west-1"\n  {name} = {value}\n}',
    'default of a variable': 'variable "{name}" {\n  type    = string\n  default = {value}\n}',
    local: 'locals {\n  {w} = {n}\n  {name} = {value}\n}',
    'in a map': '{w} = {\n  "host"   = "{w}"\n  "{name}" = {value}\n}',
    'name and value': 'environment {\n  name  = "{NAME}"\n  value = {value}\n}',
    'set block': 'set {\n  name  = "{w}.{name}"\n  value = {value}\n}',
  },
  filler: [
    'resource "acme_{w}" "{w}" {\n  name = "{w}"\n  size = {n}\n}',
    'variable "{w}_count" {\n  type    = number\n  default = {n}\n}',
    'output "{w}" {\n  value = acme_{w}.{w}.id\n}',
    'locals {\n  {w} = "{w}-${var.{w}}"\n}',
    '# {W} and {w}',
  ],
};

/** In SQL, a form assigns a setting. */
export const sql: Language = {
  name: 'SQL',
  paths: ['db/{w}.sql', 'migrations/{n}_{w}.sql', 'seed/{w}.sql'],
  namings: ['snake', 'upper'],
  quote: (text) => `'${text.replaceAll("'", "''")}'`,
  forms: {
    'setting inserted': "INSERT INTO settings (name, value) VALUES ('{name}', {value});",
    'several inserted':
      "INSERT INTO settings VALUES\n  ('{w}', '{n}'),\n  ('{name}', {value}),\n  ('{w}', '{w}');",
    updated: "UPDATE settings SET value = {value} WHERE name = '{name}';",
    'column set': 'UPDATE {w}s SET {name} = {value} WHERE id = {n};',
    'variable set': 'SET @{name} = {value};',
    'psql variable': '\\set {name} {value}',
    declared: 'DECLARE @{name} NVARCHAR(100) = {value};',
    'session setting': 'ALTER DATABASE {w} SET app.{name} = {value};',
  },
  filler: [
    'CREATE TABLE {w}s (\n  id SERIAL PRIMARY KEY,\n  {w} TEXT NOT NULL,\n  size INTEGER DEFAULT {n}\n);',
    'CREATE INDEX {w}_{w} ON {w}s ({w});',
    "INSERT INTO {w}s ({w}, size) VALUES ('{w}', {n});",
    'SELECT {w}, count(*) FROM {w}s GROUP BY {w} ORDER BY 2 DESC LIMIT {n};',
    '-- {W} and {w}',
  ],
};

export const markdown: Language = {
  name: 'Markdown',
  paths: ['docs/{w}.md', 'runbooks/{w}-{w}.md', 'notes/{w}.md', 'README.md'],
  namings: ['upper', 'snake', 'camel'],
  quote: (text, draw) => (draw.chance(0.5) ? doubleQuoted(text) : singleQuoted(text)),
  forms: {
    'fenced shell': '```sh\nexport {NAME}={value}\nmake {w}\n```',
    'fenced YAML': '```yaml\n{w}:\n  {name}: {value}\n```',
    'fenced code': '```js\nconst {name} = {value};\n```',
    'inline code': 'On the {w} server set `{name}={raw}` and start {w} again.',
    'indented code': 'Then:\n\n    {name} = {value}',
    'table row': '| setting | value |\n| --- | --- |\n| {name} | `{raw}` |',
    'list item': '- **{name}**: `{raw}`',
    'plain line': '{name}: {raw}',
  },
  filler: [
    '# {W} and {w}',
    'The {w} is built from the {w} each night. It takes about {n} seconds.',
    '- first the {w}\n- then the {w}\n- last the {w}',
    '## {W}\n\nSee [{w}](./{w}.md).',
    '```sh\nmake {w}\n./{w} --verbose\n```',
  ],
};

/** A hosted pipeline: `steps` of commands and their environment. */
export const pipelineOf = (command: string, draw: Draw) =>
  draw.pick([
    () => `      - name: ${draw.word()}\n        run: ${command}`,
    () => `      - run: |\n          cd ${draw.word()}\n${indented(command, '          ')}`,
    () => fill('{w}:\n  stage: deploy\n  script:\n    - make {w}\n    - ', draw) + command,
    () => fill('steps:\n- script: ', draw) + command,
  ])();
