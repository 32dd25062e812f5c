/** Code about secrets: declarations, schemas, statements, patterns. */
import { fill, type Draw } from '../draw.ts';
import {
  code,
  c,
  csharp,
  go,
  hcl,
  java,
  javascript,
  json,
  kotlin,
  notebook,
  php,
  python,
  ruby,
  rust,
  shell,
  sql,
  swift,
  typescript,
  xml,
  yaml,
} from '../languages/index.ts';
import { whole, shaped, assigned, kindsOf } from '../model.ts';

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
