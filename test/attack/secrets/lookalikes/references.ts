/** Values of names such as password that say where the secret is. */
import { fill } from '../draw.ts';
import {
  c,
  csharp,
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
} from '../languages/index.ts';
import { shaped, assigned, kindsOf, type Cell, type Language } from '../model.ts';

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

/** Expressions of a language, in place of a literal. */
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

/** Texts that name a location, in place of a secret. */
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
});
