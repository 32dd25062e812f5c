/** Values of names such as password that say where the secret is, or that a person has to put one there. */
import { fill, type Draw } from '../draw.ts';
import {
  c,
  csharp,
  dockerfile,
  everything,
  go,
  hcl,
  ini,
  java,
  javascript,
  json,
  kotlin,
  lua,
  markdown,
  notebook,
  php,
  powershell,
  properties,
  python,
  ruby,
  rust,
  shell,
  swift,
  toml,
  typescript,
  xml,
  yaml,
  sql,
} from '../languages/index.ts';
import { assigned, kindsOf, shaped, whole, type Cell, type Language } from '../model.ts';

export const SECRET_NAMES = [
  'password',
  'db password',
  'api key',
  'access token',
  'client secret',
  'secret key',
  'auth token',
  'smtp password',
  'passphrase',
  'jwt secret',
  'private key',
  'admin password',
  'token',
];

/** Expressions of a language, put where a literal would stand. */
function expressions(...groups: readonly (readonly [readonly Language[], readonly string[]])[]): Cell[] {
  return groups.flatMap(([languages, templates]) =>
    assigned(languages, {
      names: SECRET_NAMES,
      expression: true,
      value: (draw) =>
        fill(draw.pick(templates), draw, {
          SECRET: draw.pick(SECRET_NAMES).replaceAll(' ', '_').toUpperCase(),
          secret: draw.pick(SECRET_NAMES).replaceAll(' ', '_'),
        }),
      forms: (form) =>
        !form.includes('ENV') &&
        !['bytes', 'attribute of an option', 'psql variable', 'declared'].includes(form),
    }),
  );
}

/** Texts that name a place, put where a secret would stand. */
const texts = (templates: readonly string[], languages: readonly Language[] = everything) =>
  assigned(languages, {
    names: SECRET_NAMES,
    value: (draw) =>
      fill(draw.pick(templates), draw, {
        SECRET: draw.pick(SECRET_NAMES).replaceAll(' ', '_').toUpperCase(),
        secret: draw.pick(SECRET_NAMES).replaceAll(' ', '_'),
      }),
    forms: (form) => form !== 'comparison',
  });

export const references = kindsOf('references', {
  'environment read': expressions(
    [
      [python, notebook],
      [
        'os.environ["{SECRET}"]',
        'os.getenv("{SECRET}")',
        'environ.get("{SECRET}", "")',
        'env.str("{SECRET}")',
        'config("{SECRET}")',
      ],
    ],
    [
      [javascript, typescript],
      [
        'process.env.{SECRET}',
        'process.env["{SECRET}"]',
        'import.meta.env.VITE_{SECRET}',
        'Deno.env.get("{SECRET}")',
        'process.env.{SECRET}!',
      ],
    ],
    [[go], ['os.Getenv("{SECRET}")', 'viper.GetString("{secret}")', 'mustEnv("{SECRET}")']],
    [
      [java, kotlin],
      ['System.getenv("{SECRET}")', 'env.getProperty("{w}.{secret}")', 'System.getProperty("{w}.{secret}")'],
    ],
    [
      [csharp],
      [
        'Environment.GetEnvironmentVariable("{SECRET}")',
        'configuration["{W}:{secret}"]',
        'builder.Configuration.GetValue<string>("{SECRET}")',
      ],
    ],
    [
      [ruby],
      [
        "ENV['{SECRET}']",
        "ENV.fetch('{SECRET}')",
        'Rails.application.credentials.{secret}',
        "ENV.fetch('{SECRET}') { raise KeyError }",
      ],
    ],
    [
      [php],
      ["getenv('{SECRET}')", "$_ENV['{SECRET}']", "env('{SECRET}')", "config('services.{w}.{secret}')"],
    ],
    [[rust], ['env::var("{SECRET}")?', 'std::env::var("{SECRET}").unwrap()', 'env!("{SECRET}")']],
    [[c], ['getenv("{SECRET}")', 'config_get("{secret}")']],
    [[swift, lua], ['os.getenv("{SECRET}")']],
    [[shell], ['"$' + '{SECRET}"', '"${' + '{SECRET}}"', '${{SECRET}:?not set}', '"$1"', '${{SECRET}:-}']],
    [[powershell], ['$env:{SECRET}', '$args[0]']],
  ),
  'secret fetched': expressions(
    [
      [python, notebook],
      [
        'get_secret("{w}/{secret}")',
        'client.get_secret_value(SecretId="{w}/{secret}")["SecretString"]',
        'vault.read("secret/data/{w}")["data"]["{secret}"]',
        'getpass.getpass("{W}: ")',
        'keyring.get_password("{w}", user)',
        'open("/run/secrets/{secret}").read().strip()',
      ],
    ],
    [
      [javascript, typescript],
      [
        "await secrets.get('{w}/{secret}')",
        "config.get('{w}.{secret}')",
        "await keytar.getPassword('{w}', user)",
        "readFileSync('/run/secrets/{secret}', 'utf8').trim()",
        'options.{w}.{w}',
        'await prompt({ type: "password" })',
      ],
    ],
    [
      [go],
      [
        'secrets.MustGet(ctx, "{w}/{secret}")',
        'cfg.{W}.{W}',
        'vault.Read("secret/{w}")',
        'readFile("/run/secrets/{secret}")',
      ],
    ],
    [
      [java, kotlin],
      [
        'vault.getSecret("{w}/{secret}").getValue()',
        'config.getString("{w}.{secret}")',
        'console.readPassword("{W}: ").toString()',
      ],
    ],
    [[csharp], ['await vault.GetSecretAsync("{secret}")', 'options.Value.{W}', 'Console.ReadLine()']],
    [
      [ruby],
      [
        "Vault.logical.read('secret/{w}').data[:{secret}]",
        'Rails.configuration.{w}[:{secret}]',
        'STDIN.noecho(&:gets)',
      ],
    ],
    [
      [php],
      ["$vault->get('{w}/{secret}')", "$this->config->get('{w}.{secret}')", "$request->input('{secret}')"],
    ],
    [
      [rust],
      [
        'secrets.get("{w}/{secret}").await?',
        'config.{w}.{w}.clone()',
        'rpassword::prompt_password("{W}: ")?',
      ],
    ],
    [
      [shell],
      [
        '$(cat /run/secrets/{secret})',
        '"$(pass show {w}/{secret})"',
        '$(aws secretsmanager get-secret-value --secret-id {w}/{secret} --query SecretString --output text)',
        '"$(vault kv get -field={secret} secret/{w})"',
        '$(op read "op://{w}/{w}/{secret}")',
      ],
    ],
    [[powershell], ['(Get-AzKeyVaultSecret -VaultName {w} -Name {w})', '(Read-Host -AsSecureString)']],
    [
      [hcl],
      [
        'var.{secret}',
        'random_password.{w}.result',
        'data.aws_secretsmanager_secret_version.{w}.secret_string',
        'module.{w}.{secret}',
        'local.{w}["{secret}"]',
        'data.vault_generic_secret.{w}.data["{secret}"]',
        'sensitive(var.{w}_{w})',
      ],
    ],
  ),
  'secret made': expressions(
    [
      [python, notebook],
      [
        'secrets.token_urlsafe(32)',
        'generate_password(length=24)',
        'uuid.uuid4().hex',
        'create_access_token({w}.id, expires=3600)',
        'make_password(form.cleaned_data["{w}"])',
      ],
    ],
    [
      [javascript, typescript],
      [
        "randomBytes(32).toString('hex')",
        'generateToken({w}.id)',
        'nanoid(32)',
        'jwt.sign({ sub: {w}.id }, key)',
        'await bcrypt.hash({w}, 12)',
        'crypto.randomUUID()',
      ],
    ],
    [[go], ['generateToken(32)', 'hex.EncodeToString(buf)', 'uuid.NewString()']],
    [
      [java, kotlin, csharp],
      [
        'generator.generate(24)',
        'Token.create({w}.getId())',
        'UUID.randomUUID().toString()',
        'encoder.encode({w})',
      ],
    ],
    [[ruby], ['SecureRandom.hex(32)', 'Devise.friendly_token', 'BCrypt::Password.create({w})']],
    [[php], ['bin2hex(random_bytes(32))', 'Str::random(60)', 'password_hash(${w}, PASSWORD_DEFAULT)']],
    [[rust], ['generate_token(32)', 'Uuid::new_v4().to_string()']],
    [[shell], ['$(openssl rand -hex 32)', '"$(uuidgen)"', '$(pwgen -s 24 1)']],
  ),
  'variable of a pipeline': texts(
    [
      '${{ secrets.{SECRET} }}',
      '$({SECRET})',
      '${{SECRET}}',
      '$' + '{SECRET}',
      '{{ secrets.{secret} }}',
      '${{ vars.{SECRET} }}',
      '%{SECRET}%',
    ],
    [yaml, json, toml, xml, ini, markdown, properties],
  ),
  'variable of a template': texts(
    [
      '{{ .Values.{w}.{secret} }}',
      '{{ {w}_{secret} }}',
      '{{ vault_{secret} }}',
      '<%= @{secret} %>',
      '@@{SECRET}@@',
      '#{{SECRET}}#',
      '__{SECRET}__',
      '{{ lookup("env", "{SECRET}") }}',
      '{{ {secret} | b64encode }}',
    ],
    [yaml, json, toml, xml, ini, properties, markdown, shell],
  ),
  'address of a secret': texts(
    [
      'op://{w}/{w}/{secret}',
      'vault:secret/data/{w}#{secret}',
      'arn:aws:secretsmanager:eu-west-1::secret:{w}/{secret}',
      'projects/{w}/secrets/{w}-{secret}/versions/latest',
      'ssm:/{w}/prod/{secret}',
      '@Microsoft.KeyVault(SecretUri=https://{w}.vault.azure.net/secrets/{w}/)',
      'file:///run/secrets/{secret}',
      '/run/secrets/{secret}',
      'keychain:{w}',
      'env:{SECRET}',
      'secretsmanager://{w}/{secret}',
      'gcp-sm://{w}',
      'ref+vault://{w}/{secret}',
      'awssm://{w}/{secret}',
    ],
    [...everything],
  ),
  'name of a secret': [
    ...assigned([yaml, json, hcl, toml, typescript, python, go, java, properties], {
      names: [
        'secret name',
        'existing secret',
        'password secret name',
        'token secret ref',
        'image pull secret',
        'key name',
        'key vault name',
        'api key env',
        'password key',
        'secret id',
      ],
      value: (draw) =>
        draw.pick([
          `${draw.word()}-${draw.word()}-credentials`,
          `${draw.word()}-db-password`,
          `${draw.word().toUpperCase()}_API_KEY`,
          `${draw.word()}/prod/db`,
          `${draw.word()}-tls`,
        ]),
    }),
    ...shaped([yaml], {
      secretKeyRef: (draw) =>
        `    env:\n      - name: DB_PASSWORD\n        valueFrom:\n          secretKeyRef:\n            name: ${draw.word()}-credentials\n            key: password`,
      'field of a pod': (draw) =>
        `      - name: API_TOKEN\n        valueFrom:\n          fieldRef:\n            fieldPath: metadata.annotations['${draw.word()}']`,
      'external secret': (draw) =>
        `kind: ExternalSecret\nspec:\n  data:\n    - secretKey: password\n      remoteRef:\n        key: ${draw.word()}/prod\n        property: db_password`,
      'volume of a secret': (draw) =>
        `volumes:\n  - name: ${draw.word()}\n    secret:\n      secretName: ${draw.word()}-tls-private-key`,
      'secrets of compose': (draw) =>
        `services:\n  db:\n    environment:\n      POSTGRES_PASSWORD_FILE: /run/secrets/${draw.word()}_password\nsecrets:\n  ${draw.word()}_password:\n    external: true`,
      'reference of CloudFormation': (draw) =>
        `      MasterUserPassword: !Sub '{{resolve:secretsmanager:\${${draw.capital()}Secret}:SecretString:password}}'`,
    }),
  ],
  'argument passed on': [
    ...shaped([python, notebook], {
      call: (draw) =>
        fill('{w}.login(username, password)\n{w} = {W}Client(api_key=api_key, token=self.token)', draw),
      'called with settings': (draw) =>
        fill(
          'conn = psycopg2.connect(host=settings.HOST, user=settings.USER, password=settings.PASSWORD)',
          draw,
        ),
      format: () => 'url = f"postgresql://{user}:{password}@{host}/{database}"',
      percent: () => 'dsn = "host=%s user=%s password=%s" % (host, user, password)',
    }),
    ...shaped([javascript, typescript], {
      call: (draw) =>
        fill(
          'await {w}.login(user.email, form.password);\nconst {w} = new {W}({ apiKey, token: this.token });',
          draw,
        ),
      template: () => 'const url = `mysql://${user}:${password}@${host}/${database}`;',
      header: () => 'headers.Authorization = `Bearer ${accessToken}`;',
      basic: () => "const auth = 'Basic ' + btoa(user + ':' + password);",
      destructured: () => 'const { username, password, token } = request.body;',
    }),
    ...shaped([java, kotlin, csharp], {
      call: (draw) =>
        fill(
          'var connection = DriverManager.getConnection(url, user, password);\n{w}.setPassword(properties.getPassword());',
          draw,
        ),
      concatenated: () => 'request.setHeader("Authorization", "Bearer " + token);',
      compared: () => 'if (!encoder.matches(password, user.getPasswordHash())) return null;',
    }),
    ...shaped([go], {
      call: (draw) => fill('client, err := {w}.Login(ctx, username, password)', draw),
      format: () => 'dsn := fmt.Sprintf("%s:%s@tcp(%s:3306)/%s", user, password, host, name)',
      header: () => 'req.Header.Set("Authorization", "Bearer "+token)',
    }),
    ...shaped([php], {
      call: () => '$pdo = new PDO($dsn, $user, $password);',
      header: () => '$headers[] = "Authorization: Bearer {$token}";',
      compared: () => 'if (password_verify($password, $user->password)) {\n    return true;\n}',
    }),
    ...shaped([ruby], {
      call: (draw) => fill('{w}.login(params[:email], params[:password])', draw),
      text: () => 'url = "amqp://#{user}:#{password}@#{host}"',
      header: () => 'request["Authorization"] = "Bearer #{token}"',
    }),
    ...shaped([rust], {
      call: (draw) => fill('let client = {W}::new(&config.api_key, config.token.as_deref());', draw),
      format: () => 'let url = format!("postgres://{user}:{password}@{host}/{name}");',
    }),
    ...shaped([c], {
      call: () => 'rc = mysql_real_connect(conn, host, user, password, database, port, NULL, 0);',
      format: () => 'snprintf(auth, sizeof(auth), "%s:%s", user, password);',
    }),
  ],
  'command without a secret': [
    ...shaped([shell], {
      'variable as argument': (draw) =>
        draw.pick([
          'PGPASSWORD="$DB_PASSWORD" psql -h "$DB_HOST" -U app',
          'curl -u "$USER:$PASS" https://api.acme.internal/status',
          'mysql -u root -p"$MYSQL_ROOT_PASSWORD" app < dump.sql',
          'docker login -u ci -p "${REGISTRY_TOKEN}" registry.acme.internal',
          'sshpass -p "$SSH_PASSWORD" ssh deploy@db.internal',
          'redis-cli -a $REDIS_PASSWORD ping',
          'curl -H "Authorization: Bearer $TOKEN" https://api.acme.internal',
        ]),
      'asked for': (draw) =>
        draw.pick([
          'mysql -u root -p app',
          'read -s -p "Password: " password',
          'mysqldump -u backup -p --databases shop',
          'docker login --password-stdin < token.txt',
          'sshpass -e ssh deploy@db.internal',
          'psql -W -U admin shop',
          'curl -n https://api.acme.internal',
          'sshpass -f /run/secrets/ssh ssh deploy@host',
        ]),
      'other options': (draw) =>
        fill(
          draw.pick([
            'mkdir -p build/{w}/{w}',
            'cp -p {w}.conf /etc/{w}.conf',
            'ssh -p 2222 deploy@{w}.internal',
            'docker run -p {port}:80 acme/{w}',
            'psql -p 5433 -U {w}',
            'ps -p $$ -o comm=',
            'tar -xpf {w}.tar',
            'sqlcmd -S {w} -E -i {w}.sql',
            'rsync -avzP {w}/ {w}.internal:/srv/',
            'unzip -p {w}.zip {w}.txt',
            'zip -r {w}.zip {w}',
            'install -m 600 -o {w} {w}.key /etc/{w}/',
          ]),
          draw,
        ),
    }),
    ...shaped([dockerfile], {
      argument: (draw) => fill('ARG NPM_TOKEN\nRUN --mount=type=secret,id={w} npm ci', draw),
      'from a variable': () => 'ENV DB_PASSWORD=$DB_PASSWORD',
      'with a mount': () => 'RUN --mount=type=secret,id=npmrc,target=/root/.npmrc npm ci',
    }),
    ...shaped([yaml], {
      'password of a pipe': () =>
        '      - run: echo "${{ secrets.REGISTRY_TOKEN }}" | docker login -u ci --password-stdin',
      'with a secret': () =>
        '      - uses: docker/login-action@v3\n        with:\n          username: ${{ vars.USER }}\n          password: ${{ secrets.TOKEN }}',
      'variable of the job': () => 'script:\n  - mysql -u root -p"$MYSQL_ROOT_PASSWORD" -e "SELECT 1"',
    }),
    ...shaped([markdown], {
      usage: () => 'Usage: `client --user <user> --password <password>`, or `-p` to be asked.',
      fenced: () =>
        '```sh\nexport API_TOKEN=$(pass show api)\ncurl -u "$USER:$API_TOKEN" https://api.acme.internal\n```',
    }),
  ],
});

const PLACEHOLDERS = [
  'changeme',
  'change-me',
  'CHANGE_ME',
  'your-{w}-key',
  'your_password_here',
  'YOUR_{SECRET}',
  'your-api-key-here',
  '<your-{secret}>',
  '<{SECRET}>',
  '<password>',
  'xxxxxxxx',
  'XXXXXXXXXXXXXXXX',
  '********',
  '****',
  'REPLACE_ME',
  'replace-with-your-{secret}',
  'TODO',
  'todo: set {secret}',
  'placeholder',
  'dummy',
  'example',
  'secret',
  'password',
  'mypassword',
  'my-secret-token',
  'insert-token-here',
  '[REDACTED]',
  '<redacted>',
  '...',
  '{your_{secret}}',
  'ENTER_{SECRET}_HERE',
  'none',
  'N/A',
  'null',
  'undefined',
  'not-set',
  'dummy-{secret}',
  'fake-{secret}',
  'example-{secret}',
  'test-{secret}',
  'some-{secret}',
  'the-{secret}',
  'put your {secret} here',
  'set-in-environment',
  'see-vault',
  'to-be-filled',
  'redacted',
  'hidden',
  '00000000-0000-0000-0000-000000000000',
  '0000000000000000',
  '1234567890',
  'abc123',
  'foo',
  'foobar',
  'not-a-real-{secret}',
  'FIXME',
  '<<{SECRET}>>',
  'YOUR-TOKEN',
  'xxx-xxx-xxx',
  'sample',
  '(unset)',
];

const KNOWN_PREFIXES = [
  'gh' + 'p_',
  'sk' + '_live_',
  's' + 'k-',
  'xo' + 'xb-',
  'h' + 'f_',
  'gl' + 'pat-',
  'np' + 'm_',
  'AI' + 'za',
  'AK' + 'IA',
  'key-',
  'r' + '8_',
  'S' + 'G.',
];

const asPlaceholder = (draw: Draw) =>
  fill(draw.pick(PLACEHOLDERS), draw, {
    SECRET: draw.pick(SECRET_NAMES).replaceAll(' ', '_').toUpperCase(),
    secret: draw.pick(SECRET_NAMES).replaceAll(' ', '-'),
  });

export const placeholders = kindsOf('placeholders', {
  placeholder: assigned(everything, {
    names: SECRET_NAMES,
    value: asPlaceholder,
    forms: (form) => form !== 'comparison',
  }),
  'empty value': assigned(
    [...everything].filter(({ name }) => !['INI', 'properties', 'Markdown'].includes(name)),
    {
      names: SECRET_NAMES,
      value: () => '',
      forms: (form) =>
        !['with a comment', 'RUN with a variable', 'option apart', 'ENV with a blank'].includes(form),
    },
  ),
  'prefix and x': assigned(everything, {
    names: SECRET_NAMES,
    value: (draw) => draw.pick(KNOWN_PREFIXES) + draw.pick(['x', 'X', '*', '.']).repeat(draw.between(8, 36)),
    extents: ['alone'],
    forms: (form) => form !== 'comparison',
  }),
  'prefix and words': assigned(everything, {
    names: SECRET_NAMES,
    value: (draw) =>
      draw.pick(KNOWN_PREFIXES) +
      draw.pick(['your-token-here', 'your_api_key', 'replace_me', 'example', 'YOUR_KEY', 'test-only-token']),
    extents: ['alone'],
  }),
  'key of the documentation': assigned(everything, {
    names: ['aws access key id', 'access key', 'secret access key'],
    value: (draw) =>
      draw.pick([
        `${'AK' + 'IA'}IOSFODNN7${'EXAMPLE'}`,
        `${'wJalrXUtn'}FEMI/K7MDENG/bPxRfiCY${'EXAMPLE'}KEY`,
      ]),
    extents: ['alone'],
  }),
  'placeholder in a header': [
    ...shaped([markdown], {
      bearer: () => '```http\nGET /v1/orders\nAuthorization: Bearer <token>\n```',
      curl: () =>
        '```sh\ncurl -u user:password https://api.example.com\ncurl -H "Authorization: Bearer YOUR_TOKEN" https://api.example.com\n```',
      basic: () => 'Send `Authorization: Basic <base64 of user:password>`.',
    }),
    ...shaped([yaml], {
      entry: () => 'headers:\n  Authorization: Bearer <YOUR_TOKEN>',
      'name and value': () => 'env:\n  - name: DB_PASSWORD\n    value: "<set by the operator>"',
    }),
    ...shaped([javascript, typescript], {
      entry: () => "const headers = { Authorization: 'Bearer YOUR_ACCESS_TOKEN' };",
      variable: () => 'const headers = { Authorization: `Bearer ${process.env.TOKEN}` };',
    }),
    ...shaped([python, notebook], {
      entry: () => 'headers = {"Authorization": "Bearer <token>"}',
      format: () => 'headers = {"Authorization": f"Bearer {token}", "X-Api-Key": API_KEY}',
    }),
    ...shaped([sql], {
      'psql variable': () => "CREATE USER app PASSWORD :'app_password';",
      placeholder: () => "ALTER ROLE app WITH PASSWORD '<password>';",
      parameter: () => 'UPDATE users SET password_hash = $1 WHERE id = $2;',
    }),
  ],
  'table of settings': whole('Markdown', ['docs/{w}.md'], {
    table: () =>
      '| variable | default | meaning |\n| --- | --- | --- |\n| `DB_PASSWORD` | `changeme` | password of the database |\n| `API_TOKEN` | *(none)* | token of the API |',
  }),
});
