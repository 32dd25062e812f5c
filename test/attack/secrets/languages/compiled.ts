/** Compiled languages. */
import type { Draw } from '../draw.ts';
import type { Language } from '../model.ts';
import { doubleQuoted, indented, singleQuoted } from './quoting.ts';

const verbatim = (text: string, draw: Draw, [open, close]: [string, string], share = 0.15) =>
  draw.chance(share) && !text.includes('"') && !text.includes('`') ? open + text + close : doubleQuoted(text);

export const go: Language = {
  name: 'Go',
  paths: ['internal/{w}/{w}.go', 'cmd/{w}/main.go', 'pkg/{w}/config.go'],
  namings: ['camel', 'pascal'],
  quote: (text, draw) => verbatim(text, draw, ['`', '`'], 0.25),
  forms: {
    constant: 'const {name} = {value}',
    'typed constant': 'const {name} string = {value}',
    variable: 'var {name} = {value}',
    'short variable': 'func {w}() {\n\t{name} := {value}\n\tuse({name})\n}',
    'constant block': 'const (\n\t{w}Limit = {n}\n\t{name}   = {value}\n)',
    'struct field': 'var {w} = {W}Config{\n\tHost: "{w}.internal",\n\t{Name}: {value},\n\tPort: {port},\n}',
    'map entry': 'var {w} = map[string]string{\n\t"host": "{w}",\n\t"{name}": {value},\n}',
    attribute: 'cfg.{Name} = {value}',
    'default of a setting': 'viper.SetDefault("{w}.{name}", {value})',
    'flag default': 'var {name} = flag.String("{name}", {value}, "for {w}")',
    'environment default': '{name} := getEnv("{NAME}", {value})',
    'environment set': 'os.Setenv("{NAME}", {value})',
    comparison: 'if {name} == {value} {\n\treturn nil\n}',
    returned: 'func (c *{W}) {Name}() string { return {value} }',
    bytes: 'var {name} = []byte({value})',
    option: 'client := {w}.New({w}.With{Name}({value}))',
    'commented out': '// {name} := {value}\nvar {w} = {n}',
  },
  filler: [
    'import (\n\t"fmt"\n\t"os"\n)',
    'type {W} struct {\n\tID   int\n\tName string `json:"{w}"`\n}',
    'func {w}{W}(items []int) (total int) {\n\tfor _, item := range items {\n\t\ttotal += item * {n}\n\t}\n\treturn\n}',
    'if err := {w}.Run(ctx); err != nil {\n\treturn fmt.Errorf("{w}: %w", err)\n}',
    'http.HandleFunc("/{w}", func(w http.ResponseWriter, r *http.Request) {\n\tfmt.Fprintln(w, "{w}")\n})',
  ],
  file: (pieces, draw) => `package ${draw.word()}\n\n${pieces.join('\n\n')}\n`,
};

const inClass = (pieces: readonly string[], draw: Draw) =>
  `public class ${draw.capital()} {\n\n${indented(pieces.join('\n\n'), '    ')}\n}\n`;

export const java: Language = {
  name: 'Java',
  paths: ['src/main/java/com/acme/{w}/{W}.java', 'src/main/java/com/acme/{W}Service.java'],
  namings: ['camel', 'upper'],
  quote: (text) => doubleQuoted(text),
  forms: {
    constant: 'private static final String {NAME} = {value};',
    'public constant': 'public static final String {name} = {value};',
    field: 'private String {name} = {value};',
    local: 'void {w}() {\n    String {name} = {value};\n    open({name});\n}',
    inferred: 'void {w}() {\n    var {name} = {value};\n}',
    setter: '{w}.set{Name}({value});',
    property: 'properties.setProperty("{w}.{name}", {value});',
    'map entry': 'map.put("{name}", {value});',
    'map of': 'Map<String, String> {w} = Map.of("host", "{w}", "{name}", {value});',
    'annotated default': '@Value("${{w}.{name}:{raw}}")\nprivate String {w};',
    builder: 'var {w} = {W}Client.builder()\n    .host("{w}.internal")\n    .{name}({value})\n    .build();',
    comparison: 'if ({value}.equals({name})) {\n    return true;\n}',
    characters: 'char[] {name} = {value}.toCharArray();',
    'environment default': 'String {name} = System.getenv().getOrDefault("{NAME}", {value});',
    'property default': 'String {name} = System.getProperty("{w}.{name}", {value});',
    returned: 'public String get{Name}() {\n    return {value};\n}',
    'commented out': '// String {name} = {value};\nint {w} = {n};',
  },
  filler: [
    'private final {W}Repository {same};\n\npublic int count() {\n    return {same}.size() * {n};\n}',
    '@Override\npublic String toString() {\n    return "{W}{" + id + "}";\n}',
    'private static final Logger log = LoggerFactory.getLogger("{w}");',
    '@GetMapping("/{w}/{id}")\npublic {W} find(@PathVariable long id) {\n    return {w}.findById(id).orElseThrow();\n}',
    'for (var {same} : {same}s) {\n    total += {same}.length();\n}',
  ],
  file: inClass,
};

export const csharp: Language = {
  name: 'C#',
  paths: ['src/{W}/{W}.cs', 'Acme.{W}/{W}Options.cs', 'Services/{W}Service.cs'],
  namings: ['pascal', 'camel', 'upper'],
  quote: (text, draw) => verbatim(text, draw, ['@"', '"']),
  forms: {
    constant: 'private const string {name} = {value};',
    'public constant': 'public const string {Name} = {value};',
    readonly: 'private static readonly string _{name} = {value};',
    property: 'public string {Name} { get; set; } = {value};',
    getter: 'public string {Name} => {value};',
    local: 'void {W}()\n{\n    var {name} = {value};\n    Open({name});\n}',
    initializer:
      'var {w} = new {W}Options\n{\n    Host = "{w}.internal",\n    {Name} = {value},\n    Port = {port}\n};',
    'named argument': 'var {w} = new {W}Client(host: "{w}", {name}: {value});',
    subscript: 'configuration["{W}:{Name}"] = {value};',
    'dictionary entry': 'var {w} = new Dictionary<string, string> { ["{name}"] = {value} };',
    'old dictionary entry': 'settings.Add("{name}", {value});',
    'nullish default': 'var {name} = Environment.GetEnvironmentVariable("{NAME}") ?? {value};',
    'parameter default': 'public void {W}(string host, string {name} = {value}) => Open(host, {name});',
    comparison: 'if ({name} == {value}) return true;',
    'commented out': '// var {name} = {value};\nint {w} = {n};',
  },
  filler: [
    'public int Count { get; private set; }',
    'private readonly I{W} _{same};\n\npublic int Total() => _{same}.Items.Sum(x => x.{W} * {n});',
    'public override string ToString() => $"{W} {Count}";',
    '[HttpGet("{w}")]\npublic IActionResult Get{W}() => Ok(_{w}.All());',
    'foreach (var {same} in items)\n{\n    Console.WriteLine({same});\n}',
  ],
  file: (pieces, draw) => `using System;\n\nnamespace Acme.${draw.capital()};\n\n${inClass(pieces, draw)}`,
};

export const rust: Language = {
  name: 'Rust',
  paths: ['src/{w}.rs', 'crates/{w}/src/lib.rs', 'src/bin/{w}.rs'],
  namings: ['snake', 'upper'],
  quote: (text, draw) => verbatim(text, draw, ['r"', '"']),
  forms: {
    constant: 'const {NAME}: &str = {value};',
    static: 'pub static {NAME}: &str = {value};',
    variable: 'let {name} = {value};',
    owned: 'let {name} = {value}.to_string();',
    'from text': 'let {name}: String = String::from({value});',
    'struct field':
      'let {w} = {W}Config {\n    host: "{w}".into(),\n    {name}: {value}.into(),\n    port: {port},\n};',
    'environment default': 'let {name} = env::var("{NAME}").unwrap_or_else(|_| {value}.to_string());',
    'short environment default': 'let {name} = std::env::var("{NAME}").unwrap_or({value}.into());',
    builder: 'let client = {W}::builder().{name}({value}).build()?;',
    insert: 'map.insert("{name}", {value});',
    bytes: 'const {NAME}: &[u8] = b{value};',
    attribute: '#[arg(long, default_value = {value})]\n{name}: String,',
    'commented out': '// let {name} = {value};\nlet {w} = {n};',
  },
  filler: [
    'use std::env;\nuse std::collections::HashMap;',
    '#[derive(Debug, Clone)]\npub struct {W} {\n    pub {w}: u32,\n}',
    'fn {w}_total(items: &[u32]) -> u32 {\n    items.iter().map(|item| item * {n}).sum()\n}',
    'impl fmt::Display for {W} {\n    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {\n        write!(f, "{w}")\n    }\n}',
    'match {w} {\n    Some(value) => println!("{value}"),\n    None => return Err({W}Error::Missing),\n}',
  ],
};

export const c: Language = {
  name: 'C',
  paths: ['src/{w}.c', 'include/{w}.h', 'firmware/{w}_config.h', 'src/{w}.cpp'],
  namings: ['snake', 'upper', 'camel'],
  quote: (text) => doubleQuoted(text),
  forms: {
    define: '#define {NAME} {value}',
    'aligned define': '#define {NAME}        {value}',
    pointer: 'static const char *{name} = {value};',
    array: 'const char {name}[] = {value};',
    'struct field':
      'static struct {w} config = {\n    .host = "{w}.internal",\n    .{name} = {value},\n    .port = {port},\n};',
    copied: 'strcpy({w}->{name}, {value});',
    'copied with a limit': 'strncpy(cfg.{name}, {value}, sizeof(cfg.{name}) - 1);',
    comparison: 'if (strcmp({name}, {value}) == 0)\n    return 1;',
    'text of C++': 'std::string {name} = {value};',
    'braced initialiser': 'const std::string k{Name}{{value}};',
    'constant of C++': 'constexpr const char* {name} = {value};',
    setter: 'set_{name}(client, {value});',
    'commented out': '/* #define {NAME} {value} */\n#define {W}_MAX {n}',
  },
  filler: [
    '#include <stdio.h>\n#include <string.h>',
    'static int {w}_count(const int *items, int n)\n{\n    int total = 0;\n    for (int i = 0; i < n; i++)\n        total += items[i];\n    return total;\n}',
    'struct {w}_state {\n    int {w};\n    unsigned flags;\n};',
    '#ifndef {same}_limit\n#define {same}_limit {n}\n#endif',
    'void {w}_init(void)\n{\n    printf("{w} ready\\n");\n}',
  ],
};

export const kotlin: Language = {
  name: 'Kotlin',
  paths: ['app/src/main/java/com/acme/{W}.kt', 'src/main/kotlin/{W}Config.kt', 'build.gradle.kts'],
  namings: ['camel', 'upper'],
  quote: (text) => doubleQuoted(text).replaceAll('$', '\\$'),
  forms: {
    constant: 'const val {NAME} = {value}',
    value: 'val {name} = {value}',
    'typed value': 'private val {name}: String = {value}',
    'named argument': 'val {w} = {W}Client(host = "{w}", {name} = {value})',
    'pair of a map': 'val {w} = mapOf("host" to "{w}", "{name}" to {value})',
    'elvis default': 'val {name} = System.getenv("{NAME}") ?: {value}',
    attribute: '{w}.{name} = {value}',
    'parameter default': 'data class {W}(val host: String, val {name}: String = {value})',
    subscript: 'extra["{name}"] = {value}',
    'companion constant': 'companion object {\n    private const val {NAME} = {value}\n}',
  },
  filler: [
    'import java.util.*',
    'fun {w}Total(items: List<Int>) = items.sumOf { it * {n} }',
    'class {W}(private val {w}: Int) {\n    override fun toString() = "{W}"\n}',
    'sealed interface {W}State\nobject {W}Done : {W}State',
  ],
};

export const swift: Language = {
  name: 'Swift',
  paths: ['Sources/{W}/{W}.swift', 'App/{W}View.swift'],
  namings: ['camel'],
  quote: (text) => doubleQuoted(text),
  forms: {
    constant: 'let {name} = {value}',
    'typed constant': 'private let {name}: String = {value}',
    'static constant': 'enum {W} {\n    static let {name} = {value}\n}',
    'named argument': 'let {w} = {W}Client(host: "{w}", {name}: {value})',
    'dictionary entry': 'let {w}: [String: String] = ["host": "{w}", "{name}": {value}]',
    'nullish default': 'let {name} = ProcessInfo.processInfo.environment["{NAME}"] ?? {value}',
    attribute: 'config.{name} = {value}',
  },
  filler: [
    'import Foundation',
    'struct {W}: Codable {\n    let id: Int\n    var {w}: String\n}',
    'func {w}Total(_ items: [Int]) -> Int {\n    items.reduce(0) { $0 + $1 * {n} }\n}',
    'guard let {w} = {w}s.first else { return }',
  ],
};

export const lua: Language = {
  name: 'Lua',
  paths: ['lua/{w}.lua', 'scripts/{w}.lua'],
  namings: ['snake', 'camel'],
  quote: (text, draw) =>
    draw.chance(0.1) ? `[[${text}]]` : draw.chance(0.5) ? doubleQuoted(text) : singleQuoted(text),
  forms: {
    local: 'local {name} = {value}',
    'table entry': 'local {w} = {\n  host = "{w}",\n  {name} = {value},\n}',
    'quoted entry': 'M.{w} = { ["{name}"] = {value} }',
    attribute: 'M.{name} = {value}',
    'or default': 'local {name} = os.getenv("{NAME}") or {value}',
  },
  filler: [
    'local M = {}',
    'function M.{w}(items)\n  for index, item in ipairs(items) do\n    print(index, item)\n  end\nend',
    'local {w} = require("{w}")',
  ],
};
