/** Words about secrets: labels, messages, comments, sentences of documentation. */
import { fill, type Draw } from '../draw.ts';
import {
  code,
  c,
  csharp,
  go,
  java,
  javascript,
  json,
  kotlin,
  markdown,
  notebook,
  php,
  properties,
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
import { whole, assigned, kindsOf, shaped } from '../model.ts';

/** "Password", "Forgot your password?", "Enter your password" in human languages. */
const LABELS: Readonly<Record<string, readonly string[]>> = {
  English: [
    'Password',
    'Forgot your password?',
    'Enter your password',
    'Repeat password',
    'Passwords do not match',
    'API key',
    'Your access token',
    'Show password',
  ],
  German: [
    'Passwort',
    'Passwort vergessen?',
    'Bitte Passwort eingeben',
    'Kennwort wiederholen',
    'Zugriffstoken',
    'Geheimer Schlüssel',
    'Passwort ändern',
  ],
  French: [
    'Mot de passe',
    'Mot de passe oublié ?',
    'Saisissez votre mot de passe',
    "Jeton d'accès",
    'Clé secrète',
    'Confirmer le mot de passe',
  ],
  Spanish: [
    'Contraseña',
    '¿Olvidó su contraseña?',
    'Introduzca su contraseña',
    'Clave de API',
    'Las contraseñas no coinciden',
  ],
  Portuguese: ['Senha', 'Esqueceu a senha?', 'Digite sua senha', 'Chave de acesso', 'Confirmar senha'],
  Italian: ['Password dimenticata?', 'Inserisci la password', 'Chiave segreta', 'Ripeti la password'],
  Dutch: ['Wachtwoord', 'Wachtwoord vergeten?', 'Voer uw wachtwoord in', 'Toegangstoken'],
  Polish: ['Hasło', 'Nie pamiętasz hasła?', 'Podaj hasło', 'Powtórz hasło'],
  Russian: ['Пароль', 'Забыли пароль?', 'Введите пароль', 'Секретный ключ'],
  Turkish: ['Şifre', 'Şifremi unuttum', 'Şifrenizi girin', 'Gizli anahtar'],
  Chinese: ['密码', '忘记密码？', '请输入密码', '访问令牌'],
  Japanese: ['パスワード', 'パスワードを忘れた場合', 'パスワードを入力してください', 'アクセストークン'],
  Swedish: ['Lösenord', 'Glömt lösenordet?', 'Ange ditt lösenord'],
};
const label = (draw: Draw) => draw.pick(draw.pick(Object.values(LABELS)));

const TEXT_NAMES = [
  'password',
  'password label',
  'password placeholder',
  'forgot password',
  'enter password',
  'api key',
  'token label',
  'secret title',
  'password hint',
  'access token help',
];

const MESSAGES = [
  'Invalid password',
  'Token expired, please sign in again',
  'The API key is missing',
  'Password must be at least 12 characters long',
  'Wrong user name or password.',
  'invalid_token',
  'Your secret has been saved',
  'Could not decrypt the private key',
  'Passwords must match',
  'Authentication failed: bad credentials',
  'password is required',
  'The client secret was rotated 30 days ago',
  'No token provided',
  'Unable to verify the signature with this key',
  'The API key was revoked by its owner',
];

const COMMENTS = [
  'The password is hashed with bcrypt before it is stored.',
  'token: what the server gave us, refreshed each hour',
  'Never log the secret key.',
  'The API key comes from the vault; see docs/secrets.md',
  'password may be None for users of the single sign-on',
  'Each token has the form header.payload.signature.',
  'secret = base64(hmac(key, message))',
  'Passwords: at least 12 characters, one digit',
];

export const labels = kindsOf('labels and messages', {
  ...Object.fromEntries(
    Object.entries(LABELS).map(([language, texts]) => [
      `label in ${language}`,
      assigned(
        [javascript, typescript, json, yaml, python, java, php, xml, properties, swift, kotlin, csharp, ruby],
        {
          names: TEXT_NAMES,
          value: (draw) => draw.pick(texts),
          extents: ['alone', 'suffixed'],
          forms: (form) =>
            ![
              'comparison',
              'annotated default',
              'with a path',
              'path of Spring',
              'default of a variable',
            ].includes(form),
        },
      ),
    ]),
  ),
  message: assigned([...code, json, yaml, properties], {
    names: [
      'error',
      'message',
      'password error',
      'invalid token',
      'token message',
      'reason',
      'title',
      'password help',
    ],
    value: (draw) => fill(draw.pick(MESSAGES), draw),
    extents: ['alone', 'suffixed'],
    forms: (form) => form !== 'comparison',
  }),
  'file of a locale': [
    ...whole('JSON', ['src/i18n-{w}.json', 'lang/de.json', 'assets/{w}.json'], {
      nested: (draw) =>
        JSON.stringify(
          {
            login: { user: draw.capital(), password: label(draw), forgot: label(draw), submit: 'OK' },
            settings: { token: label(draw), secret: label(draw) },
          },
          null,
          2,
        ),
      'dotted keys': (draw) =>
        JSON.stringify(
          {
            'auth.password.label': label(draw),
            'auth.token.expired': draw.pick(MESSAGES),
            'auth.secret.hint': label(draw),
          },
          null,
          2,
        ),
    }),
    ...whole('YAML', ['config/{w}.de.yml', 'lang/{w}.yml'], {
      rails: (draw) =>
        `de:\n  activerecord:\n    attributes:\n      user:\n        password: ${label(draw)}\n        password_confirmation: ${label(draw)}\n        reset_password_token: ${label(draw)}`,
    }),
    ...whole('properties', ['src/main/resources/messages_de.properties'], {
      lines: (draw) =>
        `login.password=${label(draw)}\nlogin.password.forgot=${label(draw)}\nerror.token=${draw.pick(MESSAGES)}`,
    }),
  ],
  'field of a form': [
    ...whole('HTML', ['templates/{w}.html', 'public/{w}.html', 'src/{w}.vue'], {
      input: (draw) =>
        `<label for="password">${label(draw)}</label>\n<input type="password" id="password" name="password" placeholder="${label(draw)}" autocomplete="current-password">`,
      hidden: () =>
        '<input type="hidden" name="csrf_token" value="{{ csrf_token }}">\n<input type="password" value="" required minlength="12">',
      validation: (draw) =>
        `<p v-if="errors.password" class="password-error">{{ errors.password }}</p>\n<a href="/password/reset?from=${draw.word()}">${label(draw)}</a>`,
    }),
    ...shaped([javascript, typescript], {
      jsx: (draw) =>
        `const field = <Input name="password" type="password" label="${draw.pick(LABELS['English']!)}" testId="login-password-input" />;`,
      translated: (draw) => `const text = t('auth.password.${draw.word()}', { token: t('token.title') });`,
    }),
    ...shaped([swift, kotlin], {
      secure: (draw) => `SecureField("${draw.pick(LABELS['English']!)}", text: $password)`,
    }),
  ],
  comment: [
    ...shaped([javascript, typescript, java, go, csharp, rust, c, kotlin, swift, php], {
      line: (draw) => `// ${draw.pick(COMMENTS)}`,
      block: (draw) =>
        `/**\n * ${draw.pick(COMMENTS)}\n * @param password of the user\n * @param token ${draw.pick(COMMENTS)}\n */`,
    }),
    ...shaped([python, ruby, shell, yaml, toml, notebook], { line: (draw) => `# ${draw.pick(COMMENTS)}` }),
    ...shaped([sql], {
      line: (draw) => `-- ${draw.pick(COMMENTS)}`,
      'comment on': (draw) => `COMMENT ON COLUMN users.password IS '${draw.pick(COMMENTS)}';`,
    }),
    ...shaped([python, notebook], {
      docstring: (draw) =>
        `def login(user, password):\n    """Sign in.\n\n    password: ${draw.pick(COMMENTS)}\n    :param token: ${draw.pick(COMMENTS)}\n    """`,
    }),
  ],
  documentation: shaped([markdown], {
    sentence: (draw) => `${draw.pick(COMMENTS)} ${draw.pick(MESSAGES)}`,
    list: () =>
      '- `password`: the password of the database user (string, required)\n- `token`: a personal access token with the scope `repo`\n- `api_key`: see the dashboard',
    options: () =>
      '```\n  -p, --password TEXT    Password of the user\n      --token TEXT       Access token (default: from the keychain)\n      --secret-file PATH File with the secret\n```',
    steps: (draw) =>
      `1. Create a token on the settings page of ${draw.capital()}.\n2. Store it as \`API_TOKEN\` in the vault.\n3. Rotate the password each ${draw.between(10, 90)} days.`,
    question: () =>
      '**Password forgotten?** Open the sign-in page and follow *Reset password*. The token in the mail is valid for 30 minutes.',
  }),
  'help of a command': [
    ...shaped([python], {
      argparse: (draw) =>
        `parser.add_argument("--password", help="password of the ${draw.word()} user", required=True)\nparser.add_argument("--token", metavar="TOKEN", type=str)`,
    }),
    ...shaped([javascript, typescript], {
      commander: () =>
        "program.option('--password <password>', 'password of the user').option('--api-key <key>', 'key of the API');",
    }),
    ...shaped([go], {
      flag: (draw) => `flag.StringVar(&password, "password", "", "password of ${draw.word()}")`,
    }),
    ...shaped([shell], {
      usage: () => 'usage() {\n  echo "usage: $0 --user USER --password PASSWORD [--token TOKEN]"\n}',
    }),
    ...shaped([rust], {
      clap: () => '/// Password of the user.\n#[arg(long, env = "DB_PASSWORD")]\npassword: String,',
    }),
  ],
});
