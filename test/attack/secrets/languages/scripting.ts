/** Scripting languages. */
import { fill, type Draw } from '../draw.ts';
import type { Language } from '../model.ts';
import { doubleQuoted, eitherQuoted, shellQuoted, singleQuoted } from './quoting.ts';

export const python: Language = {
  name: 'Python',
  paths: ['app/{w}.py', '{w}/{w}_client.py', 'services/{w}/settings.py', 'jobs/load_{w}.py', 'config.py'],
  namings: ['snake', 'upper'],
  quote: (text, draw) =>
    draw.weighted([
      [() => eitherQuoted(text, draw), 6],
      [() => `"""${text.replaceAll('\\', '\\\\')}"""`, text.endsWith('"') ? 0 : 1],
      [() => `r'${text}'`, /['\\]/.test(text) ? 0 : 1],
    ])(),
  forms: {
    constant: '{name} = {value}',
    'typed constant': '{name}: str = {value}',
    'typed final': '{name}: Final[str] = {value}',
    'no spaces': '{name}={value}',
    'keyword argument':
      '{w} = {W}Client(\n    host="{w}.internal",\n    {name}={value},\n    timeout={n},\n)',
    'dictionary entry':
      '{W}S = {\n    "host": "{w}.internal",\n    "{name}": {value},\n    "port": {port},\n}',
    attribute: 'class {W}:\n    def __init__(self):\n        self.{name} = {value}\n        self.{w} = {n}',
    subscript: 'app.config["{name}"] = {value}',
    'environment default': '{name} = os.environ.get("{NAME}", {value})',
    'getenv default': '{name} = os.getenv("{NAME}", default={value})',
    'or default': '{name} = options.{w} or {value}',
    'parameter default': 'def connect_{w}(host, {name}={value}, retries={n}):\n    return {W}(host, {name})',
    setter: '{w}.set("{name}", {value})',
    comparison: 'if request.form["{name}"] == {value}:\n    session["{w}"] = True',
    returned: 'def get_{name}():\n    return {value}',
    'class field': 'class {W}Settings(BaseSettings):\n    {name}: str = Field({value}, description="of {w}")',
    'option default': 'parser.add_argument("--{name}", default={value})',
    'commented out': '# {name} = {value}\n{w}_ready = True',
    'environment set': 'os.environ["{NAME}"] = {value}',
    tuple: '{W}_OPTIONS = [\n    ("host", "{w}.internal"),\n    ("{name}", {value}),\n]',
    'next line': '{name} = (\n    {value}\n)',
    walrus: 'if ({name} := {value}) and ready:\n    run({name})',
  },
  filler: [
    'import os\nimport logging\nfrom {w} import {W}',
    'logger = logging.getLogger(__name__)',
    'def {w}_{same}(items, limit={n}):\n    """Return each {same}."""\n    return [item.{same} for item in items if item.size < limit]',
    'class {W}{W}:\n    def __init__(self, {same}):\n        self.{same} = {same}\n\n    def run(self):\n        return self.{same} * {n}',
    'for {same} in range({n}):\n    total += {same} ** 2\nprint(f"done: {total}")',
    'TIMEOUT = {n}\nRETRIES = 3\nREGION = "eu-central-1"',
    'try:\n    {same} = load("{same}.json")\nexcept FileNotFoundError:\n    logger.warning("no {same} yet")',
  ],
};

const scriptForms = {
  constant: 'const {name} = {value};',
  variable: 'let {name} = {value}',
  'object entry': 'export const {w} = {\n  host: "{w}.internal",\n  "{name}": {value},\n  port: {port},\n};',
  'constructor option':
    'const {w} = new {W}Client({ region: "eu-west-1", "{name}": {value}, retries: {n} });',
  attribute: 'class {W} {\n  constructor() {\n    this.{name} = {value};\n    this.{w} = {n};\n  }\n}',
  'exported attribute': 'module.exports.{name} = {value};',
  subscript: 'settings["{name}"] = {value};',
  'nullish default': 'const {name} = process.env.{NAME} ?? {value};',
  'or default': 'const {name} = process.env["{NAME}"] || {value};',
  'parameter default': 'function connect{W}(host, {name} = {value}) {\n  return open(host, {name});\n}',
  'destructuring default': 'const { {w}, {name} = {value} } = options;',
  setter: "{w}.set('{name}', {value});",
  comparison: "if (body.{name} === {value}) {\n  allow('{w}');\n}",
  returned: 'const get{Name} = () => {value};',
  'call with key and value': "localStorage.setItem('{name}', {value});",
  'commented out': '// const {name} = {value};\nconst {w} = {n};',
  ternary: 'const {name} = isProduction ? {value} : undefined;',
  'next line': 'const {name} =\n  {value};',
  'environment set': 'process.env.{NAME} = {value};',
} as const;

const scriptFiller = [
  "import { {same} } from './{same}.js';\nimport {W} from '{w}';",
  'export function {w}{W}(items) {\n  return items.filter((item) => item.{w} > {n}).map(({ {same} }) => {same});\n}',
  'const {same} = await fetch(`/api/{same}/${id}`);\nif (!{same}.ok) throw new Error(`{same}: ${{same}.status}`);',
  'export class {W}{W} {\n  #{same} = new Map();\n\n  get size() {\n    return this.#{same}.size;\n  }\n}',
  "router.get('/{same}/:id', async (request, reply) => {\n  reply.send(await {same}.find(request.params.id));\n});",
  'for (const [key, {same}] of Object.entries({same}s)) total += {same}.length * {n};',
  "describe('{w}', () => {\n  it('counts {w}', () => expect(count({n})).toBe({n}));\n});",
];

/** The name of an entry needs quotes only if it is not an identifier. */
const withPlainKeys = (pieces: readonly string[], draw: Draw) =>
  `${pieces.join('\n\n').replace(/"([a-z_]\w*)": /gi, (whole, key: string) => (draw.chance(0.7) ? `${key}: ` : whole))}\n`;

const scriptQuoted = (text: string, draw: Draw) =>
  draw.chance(0.15) && !/[`\\]|\$\{/.test(text)
    ? `\`${text}\``
    : draw.chance(0.5)
      ? doubleQuoted(text)
      : singleQuoted(text);

export const javascript: Language = {
  name: 'JavaScript',
  paths: ['src/{w}.js', 'server/{w}/{w}.mjs', 'lib/{w}-client.cjs', 'app/{w}/index.jsx', 'config/{w}.js'],
  namings: ['camel', 'upper', 'snake'],
  quote: scriptQuoted,
  forms: scriptForms,
  filler: scriptFiller,
  file: withPlainKeys,
};

export const typescript: Language = {
  name: 'TypeScript',
  paths: ['src/{w}.ts', 'src/{w}/{w}.service.ts', 'apps/{w}/src/{w}.tsx', 'lib/{w}.config.ts'],
  namings: ['camel', 'upper', 'pascal'],
  quote: scriptQuoted,
  forms: {
    ...scriptForms,
    'typed constant': 'export const {name}: string = {value};',
    'typed field':
      'export class {W} {\n  private readonly {name}: string = {value};\n\n  {w}(): number {\n    return {n};\n  }\n}',
    'static field': 'class {W}Config {\n  static {name} = {value};\n}',
    'enum member': 'export enum {W} {\n  {Name} = {value},\n}',
    'as const': 'const {w} = { "{name}": {value} } as const;',
    'typed parameter':
      'async function {w}(id: number, {name}: string = {value}): Promise<void> {\n  await open(id, {name});\n}',
  },
  filler: [
    ...scriptFiller,
    'export interface {W}Options {\n  {w}: string;\n  {w}Count?: number;\n}',
    'type {W} = { kind: "{w}"; size: number } | { kind: "{w}"; {w}: boolean };',
  ],
  file: withPlainKeys,
};

export const ruby: Language = {
  name: 'Ruby',
  paths: ['app/models/{w}.rb', 'lib/{w}/{w}.rb', 'config/initializers/{w}.rb', 'lib/tasks/{w}.rake'],
  namings: ['snake', 'upper'],
  quote: (text, draw) =>
    draw.chance(0.1) && !/[{}\\]/.test(text) ? `%q{${text}}` : eitherQuoted(text, draw),
  forms: {
    constant: '{NAME} = {value}',
    frozen: '{NAME} = {value}.freeze',
    variable: '{name} = {value}',
    attribute: 'class {W}\n  def initialize\n    @{name} = {value}\n  end\nend',
    'symbol entry': "{w} = {\n  host: '{w}.internal',\n  {name}: {value},\n  port: {port}\n}",
    'arrow entry': "{W} = { :host => '{w}.internal', :{name} => {value} }",
    'text entry': "settings = { 'host' => '{w}.internal', '{name}' => {value} }",
    'configuration block': '{W}.configure do |config|\n  config.{w} = true\n  config.{name} = {value}\nend',
    'environment default': "{name} = ENV.fetch('{NAME}', {value})",
    'or default': "{name} = ENV['{NAME}'] || {value}",
    'or assignment': 'config.{name} ||= {value}',
    'parameter default': 'def connect(host, {name} = {value})\n  {W}.new(host, {name})\nend',
    'keyword argument': "{W}::Client.new(region: 'eu', {name}: {value}, retries: {n})",
    returned: 'def {name}\n  {value}\nend',
    setter: "Chef.node.override['{w}']['{name}'] = {value}",
    'commented out': '# {name} = {value}\n{w} = {n}',
  },
  filler: [
    "require '{w}'\nrequire_relative '{w}/{w}'",
    'class {W} < ApplicationRecord\n  has_many :{w}s\n  validates :{w}, presence: true\nend',
    'def {w}_total(items)\n  items.sum { |item| item.{w} * {n} }\nend',
    'namespace :{w} do\n  resources :{w}s, only: %i[index show]\nend',
    'puts "#{count} {w}s" unless count.zero?',
  ],
};

export const php: Language = {
  name: 'PHP',
  paths: ['src/{W}.php', 'config/{w}.php', 'public/{w}.php', 'app/Services/{W}Service.php'],
  namings: ['camel', 'snake', 'upper'],
  quote: (text, draw) => (draw.chance(0.4) && !text.includes('$') ? doubleQuoted(text) : singleQuoted(text)),
  forms: {
    variable: '${name} = {value};',
    define: "define('{NAME}', {value});",
    'class constant': 'class {W}\n{\n    const {NAME} = {value};\n    const {w} = {n};\n}',
    'typed property': 'class {W}\n{\n    private string ${name} = {value};\n}',
    property: 'class {W} {\n    public ${name} = {value};\n    public $host = "{w}.internal";\n}',
    'array entry':
      "return [\n    'host' => '{w}.internal',\n    '{name}' => {value},\n    'port' => {port},\n];",
    'old array entry': "$db = array('host' => '{w}', '{name}' => {value});",
    subscript: "$config['{w}']['{name}'] = {value};",
    attribute: '$this->{name} = {value};',
    'environment default': "'{w}' => env('{NAME}', {value}),",
    'nullish default': "${name} = $_ENV['{NAME}'] ?? {value};",
    'elvis default': "${name} = getenv('{NAME}') ?: {value};",
    setter: '${w}->set{Name}({value});',
    'named argument': '$client = new {W}Client(host: "{w}", {name}: {value});',
    'parameter default':
      'function connect{W}($host, ${name} = {value}) {\n    return open($host, ${name});\n}',
    'commented out': '// ${name} = {value};\n${w} = {n};',
  },
  filler: [
    'namespace App\\{W};\n\nuse App\\{W}\\{W};',
    'function {w}_total(array $items): int\n{\n    return array_sum(array_column($items, "{w}"));\n}',
    'foreach ($items as $key => ${w}) {\n    echo htmlspecialchars(${w}->name);\n}',
    'class {W} extends Model\n{\n    protected $table = "{w}s";\n}',
    '$router->get("/{w}/{id}", [{W}Controller::class, "show"]);',
  ],
  file: (pieces) => `<?php\n\n${pieces.join('\n\n')}\n`,
};

export const shell: Language = {
  name: 'shell',
  paths: ['scripts/{w}.sh', 'bin/{w}-{w}.sh', 'deploy/{w}.bash', 'tools/run-{w}.sh'],
  namings: ['upper', 'snake'],
  quote: shellQuoted,
  forms: {
    variable: '{name}={value}',
    exported: 'export {name}={value}',
    local: 'local {name}={value}',
    readonly: 'readonly {name}={value}',
    declared: 'declare -x {name}={value}',
    'for a command': '{name}={value} ./{w} --verbose',
    'default of a variable': '{name}="${{name}:-{raw}}"',
    'default assigned': ': "${{NAME}:={raw}}"',
    'docker option': 'docker run --rm -e {name}={value} -p {port}:80 acme/{w}:{version}',
    'env command': 'env {name}={value} {w} start',
    option: './{w} --host={w}.internal --{name}={value} --retries {n}',
    'option apart': '{w}-cli login --{name} {value} --quiet',
    'associative entry': 'declare -A {w}=(\n  [host]={w}.internal\n  [{name}]={value}\n)',
    'written to a file': 'echo "{name}={raw}" >> /etc/{w}.conf',
    'commented out': '# {name}={value}\n{w}=1',
    comparison: 'if [ "${name}" = {value} ]; then\n  echo ok\nfi',
  },
  filler: [
    'set -euo pipefail\ncd "$(dirname "$0")"',
    'for {same} in *.txt; do\n  wc -l "${same}"\ndone',
    '{w}() {\n  local count=${1:-{n}}\n  echo "$count"\n}',
    'if [ ! -d build ]; then\n  mkdir -p build\nfi',
    'rsync -av --delete ./{w}/ /srv/{w}/\nsystemctl restart {w}',
    'docker build -t acme/{w}:{version} .',
  ],
  file: (pieces, draw) => `${draw.chance(0.7) ? '#!/usr/bin/env bash\n' : ''}${pieces.join('\n\n')}\n`,
};

export const powershell: Language = {
  name: 'PowerShell',
  paths: ['scripts/{W}-{W}.ps1', 'deploy/{w}.ps1', 'tools/{W}.psm1'],
  namings: ['pascal', 'camel', 'snake'],
  quote: (text, draw) => (draw.chance(0.5) && !/[$`]/.test(text) ? `"${text}"` : `'${text}'`),
  forms: {
    variable: '${name} = {value}',
    typed: '[string]${name} = {value}',
    environment: '$env:{NAME} = {value}',
    parameter: 'param(\n    [string]$Server = "{w}",\n    [string]${name} = {value}\n)',
    'table entry': '${w} = @{\n    Server = "{w}"\n    {name} = {value}\n}',
    option: 'Connect-{W} -Server {w} -{name} {value}',
    property: '${w}.{name} = {value}',
  },
  filler: [
    'Import-Module {W}',
    'function Get-{W} {\n    param([int]$Count = {n})\n    Get-ChildItem -Path . | Select-Object -First $Count\n}',
    'foreach (${w} in ${w}s) {\n    Write-Host "{w}: ${w}"\n}',
    '$ErrorActionPreference = "Stop"',
  ],
};

/** Python in cells, as JSON. */
export const notebook: Language = {
  ...python,
  name: 'notebook',
  paths: ['notebooks/{w}.ipynb', 'analysis/{w}_{w}.ipynb'],
  file: (pieces, draw) => {
    const cells = pieces.map((piece, index) => ({
      cell_type: 'code',
      execution_count: index + 1,
      metadata: {},
      outputs: [],
      source: piece.split(/(?<=\n)/),
    }));
    const title = { cell_type: 'markdown', metadata: {}, source: [fill('# {W} of {w}', draw)] };
    return `${JSON.stringify({ cells: [title, ...cells], metadata: {}, nbformat: 4, nbformat_minor: 5 }, null, 1)}\n`;
  },
};
