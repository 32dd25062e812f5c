/** Code about secrets: declarations, schemas, patterns, tables, statements; and data in text that only looks random. */
import { BASE58, fill, type Draw } from '../draw.ts';
import {
  c,
  code,
  csharp,
  everything,
  go,
  hcl,
  java,
  javascript,
  json,
  kotlin,
  markdown,
  notebook,
  php,
  python,
  ruby,
  rust,
  shell,
  sql,
  swift,
  toml,
  typescript,
  xml,
  yaml,
} from '../languages/index.ts';
import { assigned, kindsOf, shaped, whole, type Language } from '../model.ts';
import { base64Of, host } from '../values.ts';

const template = (text: string) => (draw: Draw) => fill(text, draw);

export const declarations = kindsOf('declarations', {
  'type or field': [
    ...shaped([typescript], {
      interface: template(
        'export interface {W}Credentials {\n  username: string;\n  password: string;\n  apiKey?: string;\n  token: string | undefined;\n}',
      ),
      type: template("type {W}Token = { kind: 'access-token'; secret: Uint8Array } & Pick<{W}, 'password'>;"),
      parameter: template(
        'async function {w}(password: string, token?: string | null): Promise<AccessToken> {\n  return this.{w}.open(password, token);\n}',
      ),
      nullable: () => 'let password: string | null = null;\nlet apiKey = undefined;',
    }),
    ...shaped([java, kotlin], {
      field: () =>
        'private String password;\nprivate final char[] secretKey;\nprivate transient AccessToken token;',
      'annotated field': () =>
        '@NotBlank\n@Size(min = 12, max = 72)\n@JsonProperty(access = WRITE_ONLY)\nprivate String password;',
    }),
    ...shaped([csharp], {
      property: () =>
        'public string Password { get; set; } = string.Empty;\npublic string? ApiKey { get; init; }',
      annotated: () =>
        '[Required, DataType(DataType.Password), Display(Name = "Password")]\npublic string Password { get; set; }',
    }),
    ...shaped([go], {
      struct: template(
        'type {W}Config struct {\n\tPassword string `json:"password" yaml:"password" validate:"required"`\n\tAPIKey   string `env:"API_KEY,required"`\n\tToken    *Token `json:"token,omitempty"`\n}',
      ),
    }),
    ...shaped([rust], {
      struct: template(
        '#[derive(Deserialize)]\npub struct {W} {\n    pub password: SecretString,\n    pub api_key: Option<String>,\n    #[serde(rename = "access_token")]\n    pub token: String,\n}',
      ),
    }),
    ...shaped([python, notebook], {
      dataclass: template(
        '@dataclass\nclass {W}:\n    password: str\n    api_key: str | None = None\n    token: SecretStr = Field(..., alias="access_token")',
      ),
      parameters: () =>
        'def login(user: str, password: str, token: Optional[str] = None) -> Session:\n    return Session(user, password=password, token=token)',
      none: () => 'password = None\napi_key: str = ""\ntoken = ...',
    }),
    ...shaped([c], {
      struct: () =>
        'struct account {\n    char user[32];\n    char password[64];\n    const char *token;\n};',
    }),
    ...shaped([swift], {
      struct: () => 'struct Account: Codable {\n    let password: String\n    var accessToken: String?\n}',
    }),
    ...shaped([php], {
      property: () =>
        'class Account\n{\n    protected $fillable = ["email", "password"];\n    protected $hidden = ["password", "remember_token", "api_token"];\n    private ?string $secret = null;\n}',
    }),
    ...shaped([ruby], {
      attributes: () =>
        'attr_accessor :password, :password_confirmation\nhas_secure_password\nhas_secure_token :api_token\nfilter_parameters += %i[password secret token]',
    }),
    ...shaped([hcl], {
      variable: template(
        'variable "db_password" {\n  type        = string\n  description = "Password of the {w} database"\n  sensitive   = true\n}',
      ),
    }),
  ],
  schema: [
    ...shaped([json], {
      'JSON schema': () =>
        '"password": { "type": "string", "format": "password", "minLength": 12, "description": "Password of the user" }',
      required: () =>
        '"required": ["username", "password", "api_key"],\n"properties": { "token": { "type": "string" } }',
    }),
    ...shaped([yaml], {
      OpenAPI: template(
        'components:\n  schemas:\n    {W}:\n      properties:\n        password:\n          type: string\n          format: password\n  securitySchemes:\n    api_key:\n      type: apiKey\n      name: X-Api-Key\n      in: header',
      ),
      CRD: () =>
        '            password:\n              type: object\n              description: Reference to a secret with the password\n            token: {type: string}',
    }),
    ...shaped([typescript, javascript], {
      zod: () =>
        'const schema = z.object({ email: z.string().email(), password: z.string().min(12), token: z.string().length(64) });',
      mongoose: () =>
        'const user = new Schema({ password: { type: String, required: true, select: false }, apiKey: String });',
      joi: () =>
        "const rules = { password: Joi.string().min(8).required(), repeat_password: Joi.ref('password') };",
      graphql: () => 'const types = gql`\n  input Login {\n    password: String!\n    token: ID\n  }\n`;',
    }),
    ...shaped([python, notebook], {
      django: () =>
        'password = models.CharField(max_length=128)\ntoken = models.UUIDField(default=uuid.uuid4, editable=False)',
      sqlalchemy: () =>
        'password_hash = Column(String(255), nullable=False)\napi_key = mapped_column(String(64), unique=True)',
      form: () => 'password = forms.CharField(widget=forms.PasswordInput(attrs={"class": "password-input"}))',
    }),
    ...shaped([ruby], {
      migration: () =>
        'create_table :users do |t|\n  t.string :encrypted_password, null: false, default: ""\n  t.string :reset_password_token\nend',
    }),
    ...shaped([php], {
      migration: () => "$table->string('password', 60);\n$table->rememberToken();",
      rules: () => "$rules = ['password' => 'required|string|min:12|confirmed', 'token' => 'nullable|uuid'];",
    }),
    ...shaped([xml], {
      XSD: () =>
        '<xs:element name="password" type="xs:string" minOccurs="1" />\n<xs:attribute name="apiKey" type="xs:token" use="optional" />',
    }),
    ...whole('protobuf', ['proto/{w}.proto'], {
      message: template(
        'message {W} {\n  string password = 1;\n  bytes secret_key = 2;\n  optional string access_token = 3 [deprecated = true];\n}',
      ),
    }),
  ],
  'definition of a table': [
    ...shaped([sql], {
      table: template(
        'CREATE TABLE {w}_users (\n  id BIGINT PRIMARY KEY,\n  password VARCHAR(255) NOT NULL,\n  api_key CHAR(64) UNIQUE,\n  token UUID DEFAULT gen_random_uuid()\n);',
      ),
      alter: () =>
        "ALTER TABLE users ADD COLUMN password_hash TEXT NOT NULL DEFAULT '';\nALTER TABLE users RENAME COLUMN secret TO secret_enc;",
      select: () => 'SELECT id, password, token FROM users WHERE password_hash = $1 AND token IS NOT NULL;',
      'without a password': () =>
        'CREATE ROLE reader NOLOGIN;\nALTER ROLE app PASSWORD NULL;\nALTER USER app PASSWORD EXPIRE;',
      'by the system': () =>
        "CREATE USER 'app'@'localhost' IDENTIFIED WITH auth_socket;\nCREATE USER app IDENTIFIED EXTERNALLY;",
      'psql variable': () =>
        "CREATE ROLE app LOGIN PASSWORD :'password';\nALTER USER app IDENTIFIED BY '$" + "{APP_PASSWORD}';",
      permission: () =>
        "INSERT INTO permissions (name, label) VALUES ('password.reset', 'Reset passwords'), ('token.create', 'Create tokens');",
      policy: () =>
        "SET GLOBAL validate_password.policy = 'STRONG';\nSET GLOBAL default_password_lifetime = 180;",
      index: () => 'CREATE UNIQUE INDEX users_api_key_idx ON users (api_key) WHERE revoked_at IS NULL;',
    }),
    ...shaped([python, go, java, php, csharp], {
      query: (draw, language) =>
        fill('{w} = query({sql})', draw, {
          sql: language.quote('SELECT password_hash FROM users WHERE token = ? AND secret IS NOT NULL', draw),
        }),
    }),
  ],
});

export const patterns = kindsOf('patterns', {
  'regular expression': [
    ...shaped([javascript, typescript], {
      literal: () =>
        'const PASSWORD = /^(?=.*[A-Z])(?=.*\\d)(?=.*[^\\w\\s]).{12,72}$/;\nconst TOKEN = /gh[pousr]_[A-Za-z0-9]{36}/;',
      masked: () => "line.replace(/(password|token|secret)=([^&\\s]+)/gi, '$1=***');",
    }),
    ...shaped([python, notebook], {
      compiled: () =>
        'PASSWORD_RE = re.compile(r"^(?=.*[a-z])(?=.*\\d)[A-Za-z\\d@$!%*?&]{8,}$")\nTOKEN_RE = re.compile(r"(?i)bearer\\s+([a-z0-9._~+/-]+=*)")',
      scanner: () =>
        'RULES = {"aws": r"(A3T[A-Z0-9]|AKIA|ASIA)[A-Z0-9]{16}", "slack": r"xox[baprs]-[0-9a-zA-Z-]{10,72}"}',
    }),
    ...shaped([go], {
      compiled: () => 'var tokenPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{20,}\\.[A-Za-z0-9_-]+$`)',
    }),
    ...shaped([java, kotlin], {
      compiled: () =>
        'private static final Pattern PASSWORD = Pattern.compile("^(?=.*[0-9])(?=.*[a-z]).{8,20}$");',
    }),
    ...shaped([ruby], {
      literal: () =>
        'PASSWORD_FORMAT = /\\A(?=.*\\d)(?=.*[a-z]).{8,}\\z/x\nTOKEN = /\\Asecret_[a-zA-Z0-9]{43}\\z/',
    }),
    ...shaped([yaml, json], { pattern: () => '"password_pattern": "^[A-Za-z0-9!@#$%^&*]{12,64}$"' }),
    ...shaped([shell], {
      grep: () => "grep -RnE '(api[_-]?key|secret|password) *[:=] *[^ ]{16,}' . && exit 1",
    }),
  ],
  validator: [
    ...shaped([javascript, typescript], {
      function: () =>
        "function validatePassword(password) {\n  if (password.length < 12) return 'password-too-short';\n  return /\\d/.test(password) ? undefined : 'password-needs-digit';\n}",
      luhn: () =>
        'const luhn = (number) => [...number].reverse().reduce((sum, d, i) => sum + (i % 2 ? [0, 2, 4, 6, 8, 1, 3, 5, 7, 9][d] : +d), 0) % 10 === 0;',
    }),
    ...shaped([python, notebook], {
      function: () =>
        'def check_password(password, hashed):\n    if password in COMMON_PASSWORDS or len(password) < 12:\n        raise ValueError("password too weak")\n    return bcrypt.checkpw(password.encode(), hashed)',
    }),
    ...shaped([go], {
      function: () =>
        'func ValidToken(token string) bool {\n\treturn len(token) == 64 && strings.HasPrefix(token, "tok_")\n}',
    }),
    ...shaped([java, csharp], {
      function: () =>
        'boolean isStrong(String password) {\n    return password.length() >= 12 && password.chars().anyMatch(Character::isDigit);\n}',
    }),
  ],
  alphabet: assigned([...code, json, yaml], {
    names: [
      'alphabet',
      'charset',
      'password chars',
      'base58 alphabet',
      'token alphabet',
      'allowed characters',
    ],
    value: (draw) =>
      draw.pick([
        'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789',
        '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz',
        'abcdefghijklmnopqrstuvwxyz0123456789-_',
        '0123456789abcdef',
        'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567',
        'abcdefghijklmnopqrstuvwxyz!@#%&*()',
      ]),
    extents: ['alone'],
    forms: (form) => form !== 'comparison',
  }),
});

const image = (draw: Draw) => {
  const png = Buffer.concat([
    Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'),
    draw.bytes(draw.between(100, 400)),
  ]);
  return draw.pick([
    `data:image/png;base64,${png.toString('base64')}`,
    `data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7`,
    `data:image/svg+xml;base64,${base64Of(`<svg xmlns="http://www.w3.org/2000/svg" width="${draw.between(8, 64)}"><path d="M${draw.between(0, 9)} ${draw.between(0, 9)}L${draw.between(10, 60)} 4z"/></svg>`)}`,
    `data:font/woff2;base64,d09GMg${draw.base64(200)}`,
  ]);
};

export const encoded = kindsOf('data in text', {
  'image in base64': assigned([...code, json, yaml, markdown, xml], {
    names: ['icon', 'logo', 'image', 'avatar', 'font', 'pixel', 'favicon', 'thumbnail'],
    value: image,
    extents: ['alone', 'prefixed'],
    forms: (form) => form !== 'comparison',
  }),
  'image in a style sheet': whole('CSS', ['src/{w}.css', 'styles/{w}.less'], {
    background: (draw) => `.${draw.word()} {\n  background-image: url(${image(draw)});\n}`,
    font: (draw) =>
      `@font-face {\n  font-family: "${draw.capital()}";\n  src: url("${image(draw)}") format("woff2");\n}`,
  }),
  'image of a notebook': whole('notebook', ['notebooks/{w}.ipynb'], {
    output: (draw) =>
      JSON.stringify(
        {
          cells: [
            {
              cell_type: 'code',
              execution_count: 1,
              metadata: {},
              outputs: [
                {
                  data: { 'image/png': `iVBORw0KGgo${draw.base64(300)}` },
                  output_type: 'display_data',
                  metadata: {},
                },
              ],
              source: ['plot()'],
            },
          ],
          metadata: {},
          nbformat: 4,
          nbformat_minor: 5,
        },
        null,
        1,
      ),
  }),
  'minified code': whole('JavaScript', ['public/{w}.js', 'static/{w}/app.js'], {
    line: (draw) =>
      `!function(e,t){"use strict";var n=t(${draw.between(1, 999)}),r={key:"${draw.word()}",token:function(e){return e.t},password:!0};${Array.from({ length: 8 }, () => `function ${draw.chars(2, 'abcdefgh')}(e){return n.${draw.chars(3, 'abcxyz')}(e,${draw.between(0, 999)})&&r.key}`).join(';')}}(this,require);`,
    modules: (draw) =>
      `(self.webpackChunk=self.webpackChunk||[]).push([[${draw.between(1, 999)}],{${draw.between(1, 9999)}:(e,t,r)=>{r.d(t,{Z:()=>o});const o="${draw.hex(20)}.module"}}]);\n//# sourceMappingURL=${draw.word()}.${draw.hex(8)}.js.map`,
  }),
  'vector drawing': whole('SVG', ['assets/{w}.svg', 'src/icons/{w}.svg'], {
    path: (draw) =>
      `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><path d="M${Array.from({ length: 30 }, () => `${(draw.next() * 24).toFixed(3)} ${(draw.next() * 24).toFixed(3)}`).join('l-')}z"/></svg>`,
  }),
  'bytes in base64': assigned([python, javascript, typescript, go, java, json, rust, csharp], {
    names: [
      'wasm',
      'fixture',
      'payload sample',
      'compressed data',
      'descriptor',
      'gzipped',
      'model weights',
      'bitmap',
    ],
    value: (draw) =>
      `${draw.pick(['H4sIAAAAAAAA', 'AGFzbQEAAAAB', 'UEsDBBQAAAAI'])}${draw.base64(draw.between(60, 300))}`,
    extents: ['alone'],
    forms: (form) => form !== 'comparison',
  }),
  'source map': whole('JSON', ['public/{w}.json'], {
    mappings: (draw) =>
      JSON.stringify({
        version: 3,
        sources: [`${draw.word()}.ts`],
        names: ['token', 'password', draw.word()],
        mappings: Array.from({ length: 40 }, () =>
          draw.chars(draw.between(4, 8), 'ACDEGIMOQSUWacegikmoqsuw'),
        ).join(','),
      }),
  }),
  'table of bytes': [
    ...shaped([c], {
      font: (draw) =>
        `static const uint8_t font_${draw.word()}[] = {\n${Array.from({ length: 4 }, () => `    ${[...draw.bytes(12)].map((byte) => `0x${byte.toString(16).padStart(2, '0')}`).join(', ')},`).join('\n')}\n};`,
    }),
    ...shaped([python, notebook], {
      palette: (draw) => `PALETTE = [${Array.from({ length: 8 }, () => `"#${draw.hex(6)}"`).join(', ')}]`,
      'magic bytes': () => 'MAGIC = b"\\x89PNG\\r\\n\\x1a\\n\\x00\\x00\\x00\\rIHDR"',
    }),
    ...shaped([go, rust, java], {
      table: (draw) =>
        `// S-box of the ${draw.word()}\n${Array.from({ length: 16 }, () => `0x${draw.hex(2)}`).join(', ')},`,
    }),
  ],
  'sequence of letters': assigned([python, notebook, json, markdown, java], {
    names: ['sequence', 'dna', 'protein', 'primer', 'peptide'],
    value: (draw) =>
      draw.pick([
        () => draw.chars(draw.between(30, 120), 'ACGT'),
        () => `M${draw.chars(draw.between(30, 90), 'ACDEFGHIKLMNPQRSTVWY')}`,
      ])(),
    extents: ['alone', 'prefixed'],
    forms: (form) => form !== 'comparison',
  }),
});

const wrapped = (bytes: Buffer) =>
  bytes
    .toString('base64')
    .match(/.{1,64}/g)!
    .join('\n');
const block = (label: string, bytes: Buffer) =>
  `-----BEGIN ${label}-----\n${wrapped(bytes)}\n-----END ${label}-----`;
const publicText = (draw: Draw) =>
  draw.pick([
    () =>
      block(
        'PUBLIC KEY',
        Buffer.concat([
          Buffer.from('30820122300d06092a864886f70d01010105000382010f00', 'hex'),
          draw.bytes(260),
        ]),
      ),
    () =>
      block(
        'CERTIFICATE',
        Buffer.concat([Buffer.from('308203a53082028da003020102020900', 'hex'), draw.bytes(600)]),
      ),
    () => block('RSA PUBLIC KEY', Buffer.concat([Buffer.from('3082010a0282010100', 'hex'), draw.bytes(260)])),
    () => block('CERTIFICATE REQUEST', draw.bytes(400)),
    () => block('PGP PUBLIC KEY BLOCK', Buffer.concat([Buffer.of(0x99, 0x01), draw.bytes(500)])),
    () => block('DH PARAMETERS', draw.bytes(260)),
    () => block('PGP SIGNATURE', draw.bytes(300)),
  ])();
const ssh = (draw: Draw) =>
  draw.pick([
    () =>
      `ssh-ed25519 ${Buffer.concat([Buffer.from('0000000b', 'hex'), Buffer.from('ssh-ed25519'), Buffer.from('00000020', 'hex'), draw.bytes(32)]).toString('base64')} ${draw.word()}@${draw.word()}`,
    () =>
      `ssh-rsa ${Buffer.concat([Buffer.from('00000007', 'hex'), Buffer.from('ssh-rsa'), Buffer.from('0000000301000100000181', 'hex'), draw.bytes(270)]).toString('base64')} ${draw.word()}@${draw.word()}`,
  ])();

const PUBLIC_NAMES = [
  'public key',
  'certificate',
  'verification key',
  'ca cert',
  'trusted cert',
  'signing public key',
];
const BLOCKS: readonly (readonly [readonly Language[], (text: string) => string])[] = [
  [[python, notebook], (text) => `PUBLIC_KEY = """${text}\n"""`],
  [[javascript, typescript], (text) => `export const publicKey = \`${text}\n\`;`],
  [[go], (text) => `const certificate = \`${text}\n\``],
  [[yaml], (text) => `tls:\n  ca: |\n${text.replace(/^/gm, '    ')}`],
  [[markdown], (text) => `\`\`\`\n${text}\n\`\`\``],
  [[ruby], (text) => `CERTIFICATE = <<~PEM\n${text}\nPEM`],
  [[shell], (text) => `cat > ca.crt <<'EOF'\n${text}\nEOF`],
];

/** Where values of public keys are tried. */
const shared = [json, yaml, toml, typescript, javascript, python, go];
const once = {
  extents: ['alone'] as const,
  forms: (form: string) => !['comparison', 'flow mapping'].includes(form),
};

export const publicKeys = kindsOf('public keys', {
  'public key or certificate in PEM': [
    ...BLOCKS.flatMap(([languages, wrap]) =>
      shaped(languages, { 'text of several lines': (draw) => wrap(publicText(draw)) }),
    ),
    ...whole('PEM', ['certs/{w}-ca.txt', 'keys/{w}.pub.txt'], { file: publicText }),
  ],
  'public key on one line': assigned([json, javascript, typescript, python, java, go], {
    names: PUBLIC_NAMES,
    value: publicText,
    extents: ['alone'],
    forms: (form) => !['comparison'].includes(form),
  }),
  'SSH public key': assigned([yaml, json, hcl, shell, python, typescript, markdown], {
    names: ['ssh public key', 'public key', 'authorized key', 'ssh authorized keys', 'host key'],
    value: ssh,
    extents: ['alone', 'prefixed'],
    forms: (form) => form !== 'comparison' && form !== 'flow mapping',
  }),
  'known hosts': whole('known_hosts', ['ci/known_hosts', 'ssh/known_hosts.txt'], {
    lines: (draw) =>
      `${draw.word()}.net,${host(draw)} ${ssh(draw).split(' ').slice(0, 2).join(' ')}\n|1|${draw.base64(20)}|${draw.base64(20)} ${ssh(draw).split(' ').slice(0, 2).join(' ')}`,
  }),
  fingerprint: assigned(everything, {
    names: [
      'fingerprint',
      'key fingerprint',
      'thumbprint',
      'cert fingerprint',
      'host key fingerprint',
      'certificate sha1',
    ],
    value: (draw) =>
      draw.pick([
        () => `SHA256:${draw.base64(32).replace(/=+$/, '')}`,
        () => Array.from({ length: 20 }, () => draw.hex(2).toUpperCase()).join(':'),
        () => draw.hex(40).toUpperCase(),
      ])(),
    extents: ['alone', 'prefixed'],
  }),
  'public JWK': [
    ...shaped([json], {
      set: (draw) =>
        `"keys": [{ "kty": "RSA", "use": "sig", "kid": "${draw.hex(16)}", "n": "${draw.base64url(256)}", "e": "AQAB" }]`,
      EC: (draw) =>
        `"jwk": { "kty": "EC", "crv": "P-256", "x": "${draw.base64url(32)}", "y": "${draw.base64url(32)}" }`,
    }),
    ...shaped([javascript, typescript, python, notebook], {
      object: (draw) =>
        `key = {"kty": "OKP", "crv": "Ed25519", "x": "${draw.base64url(32)}", "kid": "${draw.word()}"}`,
    }),
  ],
  'public key of others': assigned(shared, {
    names: ['vapid public key', 'public key', 'wg public key', 'peer public key', 'verify public key'],
    value: (draw) => draw.pick([() => `B${draw.base64url(64)}`, () => draw.base64(32)])(),
    ...once,
  }),
  'public record': assigned(shared, {
    names: ['age recipient', 'recipient', 'public', 'account xpub', 'dns record'],
    value: (draw) =>
      draw.pick([
        () => `age1${draw.chars(58, 'qpzry9x8gf2tvdw0s3jn54khce6mua7l')}`,
        () => `v=DKIM1; k=rsa; p=${draw.base64(162)}`,
        () => `xpub6${draw.chars(106, BASE58)}`,
      ])(),
    ...once,
  }),
  'address of a wallet': assigned(shared, {
    names: ['contract address', 'wallet address', 'recipient', 'token address', 'owner'],
    value: (draw) =>
      draw.pick([
        () => `0x${draw.hex(40)}`,
        () => `bc1q${draw.chars(38, 'qpzry9x8gf2tvdw0s3jn54khce6mua7l')}`,
      ])(),
    ...once,
  }),
  'id of a transaction': assigned(shared, {
    names: ['tx hash', 'transaction hash', 'block hash'],
    value: (draw) => `0x${draw.hex(64)}`,
    ...once,
  }),
});

export const urls = kindsOf('addresses', {
  'URL without a password': assigned(everything, {
    names: ['url', 'database url', 'redis url', 'broker', 'endpoint', 'repository', 'dsn', 'proxy'],
    value: (draw) =>
      draw.pick([
        () => `postgresql://localhost:5432/${draw.word()}`,
        () => `redis://${host(draw)}:6379/0`,
        () => `mysql://root@localhost/${draw.word()}`,
        () => `https://github.com/${draw.word()}/${draw.word()}.git`,
        () => `git@github.com:${draw.word()}/${draw.word()}.git`,
        () => `amqp://${host(draw)}:5672/%2f`,
        () => `mongodb://localhost:27017,localhost:27018/${draw.word()}?replicaSet=rs0`,
        () => `https://${draw.word()}@dev.azure.com/${draw.word()}/_git/${draw.word()}`,
        () => `ssh://git@${host(draw)}:2222/${draw.word()}.git`,
      ])(),
    extents: ['alone', 'prefixed'],
  }),
  'URL with a placeholder': assigned(everything, {
    names: ['url', 'database url', 'dsn', 'connection string', 'uri'],
    value: (draw) =>
      draw.pick([
        'postgresql://user:password@localhost:5432/app',
        'mysql://username:password@hostname/dbname',
        'redis://:password@localhost:6379/0',
        'mongodb+srv://<user>:<password>@cluster0.example.mongodb.net/app',
        'https://user:pass@example.com/',
        'postgres://USER:PASSWORD@HOST:5432/NAME',
        'amqp://guest:guest@localhost:5672/',
        'postgres://postgres:postgres@localhost:5432/test',
        'jdbc:postgresql://localhost/app?user=USER&password=PASSWORD',
      ]),
    extents: ['alone'],
    forms: (form) => form !== 'comparison',
  }),
  'URL with variables': assigned([yaml, shell, hcl, json, toml, markdown], {
    names: ['url', 'database url', 'dsn', 'connection string'],
    value: (draw) =>
      draw.pick([
        'postgresql://${DB_USER}:${DB_PASSWORD}@${DB_HOST}:5432/app',
        'redis://:$REDIS_PASSWORD@redis:6379',
        'mysql://{user}:{password}@{host}/{name}',
        'https://$(USER):$(TOKEN)@git.acme.internal/app.git',
        'https://x-access-token:${{ secrets.TOKEN }}@github.com/acme/app',
      ]),
    extents: ['alone'],
    forms: (form) => form !== 'comparison',
  }),
  'connection string without a password': assigned([csharp, json, xml, yaml, java, python], {
    names: ['connection string', 'default connection', 'db'],
    value: (draw) =>
      draw.pick([
        () => `Server=${host(draw)};Database=${draw.word()};Integrated Security=True;`,
        () => `Data Source=${draw.word()}.db;Cache=Shared`,
        () => `Server=(localdb)\\mssqllocaldb;Database=${draw.word()};Trusted_Connection=True`,
        () => `Server=${host(draw)};User Id=app;Password={0};`,
        () => `host=${host(draw)} dbname=${draw.word()} user=app sslmode=require`,
        () => `jdbc:postgresql://${host(draw)}:5432/${draw.word()}?ssl=true`,
      ])(),
    extents: ['alone'],
  }),
  'URL with an id': assigned(everything, {
    names: ['url', 'link', 'image url', 'source', 'docs'],
    value: (draw) =>
      draw.pick([
        () => `https://${draw.word()}.net/blob/${draw.hex(40)}/src/${draw.word()}.ts`,
        () => `https://cdn.${draw.word()}.net/v2/${draw.uuid()}/${draw.word()}.png`,
        () => `https://docs.${draw.word()}.net/d/1${draw.base64url(32)}/edit`,
        () => `https://${draw.word()}.net/watch?v=${draw.base64url(8)}&list=PL${draw.base64url(24)}`,
        () => `https://${draw.word()}.net/search?q=password+reset&page=${draw.between(1, 90)}`,
      ])(),
    extents: ['alone', 'prefixed'],
  }),
});
