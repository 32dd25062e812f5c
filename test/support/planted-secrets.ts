/** Realistic files, each with a different kind of secret; assembled from parts, so that no scanner finds one here. */

/** Characters that look random but are the same every time. */
export function noise(
  length: number,
  alphabet = 'abcdefghijkmnopqrstuvwxyzABCDEFGHIJKLMNPQRSTUVWXYZ0123456789',
  state = 12345 + length,
): string {
  return Array.from({ length }, () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return alphabet[(state >>> 16) % alphabet.length];
  }).join('');
}
const upper = (length: number) => noise(length, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567');
const hex = (length: number) => noise(length, '0123456789abcdef');
const digits = (length: number) => noise(length, '123456789');
const base64 = (text: string) => Buffer.from(text).toString('base64');
const BEGIN = '-----' + 'BEGIN ';
const pem = (kind: string, head = '') =>
  `${BEGIN}${kind}-----\n${head}${[noise(64), noise(64, undefined, 2), noise(40)].join('\n')}\n-----END ${kind}-----\n`;
const PRIVATE = 'PRIVATE' + ' KEY';
const password = `${noise(6)}-${noise(7, undefined, 9)}`;

export const planted: Readonly<Record<string, string>> = {
  // Keys.
  'keys/ec.py': `KEY = """\n${pem(`EC ${PRIVATE}`)}"""\n`,
  'keys/encrypted.py': `KEY = """\n${pem(`ENCRYPTED ${PRIVATE}`)}"""\n`,
  'keys/headers.py': `KEY = """\n${pem(`RSA ${PRIVATE}`, `Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,${hex(32)}\n\n`)}"""\n`,
  'keys/dsa.ts': `export const key = \`${pem(`DSA ${PRIVATE}`)}\`;\n`,
  'keys/openssh.ts': `export const key = \`${pem(`OPENSSH ${PRIVATE}`)}\`;\n`,
  'keys/pgp.md': `Import this:\n\n${BEGIN}PGP ${PRIVATE} BLOCK-----\nVersion: GnuPG v2\n\n${noise(64)}\n${noise(64, undefined, 3)}\n-----END PGP ${PRIVATE} BLOCK-----\n`,
  'keys/escaped.js': `const key = "${BEGIN}${PRIVATE}-----\\n${noise(64)}\\n${noise(64, undefined, 4)}\\n-----END ${PRIVATE}-----\\n";\n`,
  'keys/joined.js': `const key =\n  '${BEGIN}' +\n  'RSA ${PRIVATE}-----\\n' +\n  '${noise(64)}\\n' +\n  '-----END RSA ${PRIVATE}-----';\n`,
  'keys/list.js': `const key = [\n  '${BEGIN}${PRIVATE}-----',\n  '${noise(64)}',\n  '${noise(64, undefined, 5)}',\n  '-----END ${PRIVATE}-----',\n].join('\\n');\n`,
  'keys/joined-token.py': `token = "gh" "p_${noise(20)}" "${noise(16)}"\n`,
  'keys/joined-plus.ts': `const id = 'AK' + 'IA' + '${upper(16)}';\n`,
  'keys/cut.py': `KEY = "${BEGIN}${PRIVATE}-----\\n${noise(64)}\\n" + REST\n`,
  'keys/putty.txt': `PuTTY-User-Key-File-${2}: ssh-rsa\nEncryption: none\nPrivate-Lines: 4\n${noise(64)}\n`,
  // URLs.
  'urls/driver.py': `ENGINE = create_engine("postgresql+psycopg2://shop:${password}@db.internal/shop")\n`,
  'urls/redis.py': `cache = Redis.from_url("redis://:${noise(16)}@cache.internal:6379/0")\n`,
  'urls/escaped.py': `URL = "mysql://shop:p%40${noise(10)}%2F@db.internal/shop"\n`,
  'urls/mongo.js': `connect('mongodb+srv://shop:${noise(14)}@cluster0.mongodb.net/shop');\n`,
  'urls/amqp.go': `const broker = "amqp://worker:${noise(12)}@queue.internal:5672/"\n`,
  'urls/git.sh': `git clone https://deploy:${noise(20)}@git.internal/shop.git\n`,
  'urls/smtp.rb': `MAIL = "smtps://robot:${noise(12)}@mail.internal:465"\n`,
  'urls/ftp.ts': `const to = "sftp://robot:${noise(12)}@files.internal/in";\n`,
  // Tokens with a known format.
  'tokens/pypi.cfg': `[pypi]\nusername = __token__\npassword = ${'pyp' + 'i-'}AgEIcHlwaS5vcmc${noise(70)}\n`,
  'tokens/pypi-test.cfg': `[testpypi]\nuser: __token__, ${'pyp' + 'i-'}AgENdGVzdC5weXBpLm9yZw${noise(70)}\n`,
  'tokens/jwt-url.md': `Open https://shop.internal/in?as=${'ey' + 'J'}${noise(30)}.${'ey' + 'J'}${noise(60)}.${noise(43)}&next=/ to begin.\n`,
  'tokens/jwt.ts': `const session = "${'ey' + 'J'}${noise(30)}.${'ey' + 'J'}${noise(60)}.${noise(43)}";\n`,
  'tokens/digitalocean.py': `client = Client("${'dop' + '_v1_'}${hex(64)}")\n`,
  'tokens/vault.sh': `export VAULT_ADDR=x\nvault login ${'hv' + 's.'}${noise(95)}\n`,
  'tokens/vault-root.sh': `vault login ${'hv' + 's.'}${noise(24)}\n`,
  'tokens/google-oauth.json': `{ "client": "${'GOC' + 'SPX-'}${noise(28)}" }\n`,
  'tokens/google-url.html': `<script src="https://maps.googleapis.com/maps/api/js?key=${'AI' + 'za'}${noise(35)}&callback=initMap"></script>\n`,
  'tokens/google.js': `initMap("${'AI' + 'za'}${noise(35)}");\n`,
  'tokens/groq.py': `groq = Groq("${'gs' + 'k_'}${noise(52)}")\n`,
  'tokens/webhook.ts': `verify(body, "${'whs' + 'ec_'}${noise(32)}");\n`,
  'tokens/telegram.py': `bot = Bot("${digits(10)}:${'A' + 'A'}${noise(33)}")\n`,
  'tokens/discord.py': `client.run("${'M'}${noise(25)}.${noise(6)}.${noise(38)}")\n`,
  'tokens/discord-hook.js': `post("https://discord.com/api/webhooks/${digits(18)}/${noise(68)}");\n`,
  'tokens/twilio.py': `client = Client("${'A' + 'C'}${hex(32)}", "${'S' + 'K'}${hex(32)}")\n`,
  'tokens/github.ts': `const octokit = new Octokit({ auth: "${'gh' + 'p_'}${noise(36)}" });\n`,
  'tokens/github-fine.ts': `const octokit = new Octokit("${'github' + '_pat_'}${noise(22)}_${noise(59)}");\n`,
  'tokens/gitlab.py': `gitlab = Gitlab("${'gl' + 'pat-'}${noise(20)}")\n`,
  'tokens/slack.py': `slack = WebClient("${'xo' + 'xb'}-${digits(12)}-${digits(13)}-${noise(24)}")\n`,
  'tokens/slack-hook.py': `post("https://hooks.${'slack'}.com/services/T${upper(8)}/B${upper(10)}/${noise(24)}")\n`,
  'tokens/stripe.rb': `Stripe.key = "${'sk_' + 'live_'}${noise(24)}"\n`,
  'tokens/stripe-curl.sh': `curl https://api.stripe.com/v1/charges -u ${'sk_' + 'live_'}${noise(24)}:\n`,
  'tokens/openai.py': `client = OpenAI("${'s' + 'k-'}${noise(20)}${'T3Blbk' + 'FJ'}${noise(20)}")\n`,
  'tokens/anthropic.py': `client = Anthropic("${'sk-' + 'ant-api03-'}${noise(93)}AA")\n`,
  'tokens/hugging-face.py': `login("${'h' + 'f_'}${noise(34)}")\n`,
  'tokens/npm.js': `registry("${'np' + 'm_'}${noise(36)}");\n`,
  'tokens/sendgrid.php': `<?php $mail = new SendGrid("${'S' + 'G.'}${noise(22)}.${noise(43)}");\n`,
  'tokens/shopify.rb': `Shop.new("${'shp' + 'at_'}${hex(32)}")\n`,
  'tokens/linear.ts': `new LinearClient("${'lin_' + 'api_'}${noise(40)}");\n`,
  // Cloud providers.
  'clouds/aws.tf': `provider "aws" {\n  id = "${'AK' + 'IA'}${upper(16)}"\n}\n`,
  'clouds/aws-secret.py': `${'aws_secret_' + 'access_key'} = "${noise(40)}"\n`,
  'clouds/azure-storage.cs': `var c = "DefaultEndpointsProtocol=https;AccountName=shop;Account${'Key='}${noise(86)}==;EndpointSuffix=core.windows.net";\n`,
  'clouds/azure-bus.cs': `var c = "Endpoint=sb://shop.servicebus.windows.net/;SharedAccessKeyName=root;SharedAccess${'Key='}${noise(43)}=";\n`,
  'clouds/azure-sas.py': `URL = "https://shop.blob.core.windows.net/in/a.csv?sv=2022-11-02&sr=b&sp=r&si${'g='}${noise(43)}%3D"\n`,
  'clouds/azure-client.py': `credential = ClientSecretCredential(tenant, client, "${noise(3)}8${'Q~'}${noise(34)}")\n`,
  // Configuration files of tools.
  'tools/kubeconfig.yaml': `users:\n- name: admin\n  user:\n    client-key-data: ${base64(pem(`RSA ${PRIVATE}`))}\n`,
  'tools/secret.yaml': `apiVersion: v1\nkind: Secret\nmetadata:\n  name: shop\ntype: Opaque\ndata:\n  password: ${base64(noise(18))}\n`,
  'tools/string-secret.yml': `apiVersion: v1\nkind: Secret\nmetadata:\n  name: shop\nstringData:\n  url: ${noise(18)}\n`,
  'tools/docker.json': `{ "auths": { "registry.internal": { "auth": "${base64(`robot:${noise(14)}`)}" } } }\n`,
  'tools/netrc.txt': `machine git.internal login robot password ${noise(12)}\n`,
  'tools/htpasswd.txt': `admin:$apr1$${noise(8)}$${noise(22)}\n`,
  'tools/htpasswd-bcrypt.conf': `admin:$2y$05$${noise(53)}\n`,
  'tools/npmrc.ini': `//registry.internal/:_auth${'Token='}${noise(36)}\n`,
  // Assignments.
  'assigned/password.py': `password = "${noise(16)}"\n`,
  'assigned/api-key.ts': `const config = { apiKey: '${noise(32)}' };\n`,
  'assigned/secret-key.py': `SECRET_KEY = '${noise(50, 'abcdefghijklmnopqrstuvwxyz0123456789!@#$%^&*(-_=+)')}'\n`,
  'assigned/client-secret.json': `{ "client_secret": "${noise(40)}" }\n`,
  'assigned/auth-token.go': `authToken := "${hex(40)}"\n`,
  'assigned/settings.properties': `db.password=${noise(14)}\n`,
  'assigned/deploy.yml': `env:\n  API_TOKEN: ${noise(30)}\n`,
  'assigned/env.sh': `export DB_PASSWORD=${noise(16)}\n`,
  'assigned/java.java': `private static final String PASSWORD = "${noise(20)}";\n`,
  'assigned/db-pass.php': `<?php $config['db_password'] = '${noise(15)}';\n`,
  'assigned/csharp.cs': `var accessKey = @"${noise(24)}";\n`,
};

/** Placeholders for secrets, and text that only looks like a secret. */
export const harmless: Readonly<Record<string, string>> = {
  'docs/urls.md':
    'Give `postgres://user:password@localhost/db` or `redis://:password@localhost:6379`, https://user:pass@example.com too.\n',
  'docs/env.sh': 'export API_KEY=your-api-key-here\nexport PASSWORD=changeme\nTOKEN=$GITHUB_TOKEN\n',
  'docs/tokens.md': `Like \`${'sk_' + 'live_'}${'x'.repeat(24)}\`, \`${'h' + 'f_'}${'x'.repeat(34)}\`, \`${'gl' + 'pat-'}${'x'.repeat(20)}\`, \`${'AI' + 'zaSy'}${'X'.repeat(33)}\`, \`${'hv' + 's.'}${'x'.repeat(24)}\`, \`${'pyp' + 'i-'}${'x'.repeat(60)}\`.\n`,
  'src/names.ts':
    "const token = nextToken();\nconst apiKey = process.env.API_KEY ?? '';\nconst passwordField = 'user-password-input';\n",
  'src/kinds.ts':
    "export const tokenKinds = { token: 'identifier', secret: 'accessTokenSecret', password: 'password' };\n",
  'src/version.json': '{ "pg-connection-string": "^2.6.2", "token-types": "5.0.1-beta.3" }\n',
  'src/template.py': 'url = f"https://{user}:{password}@{host}/"\nother = "https://%s:%s@%s/" % parts\n',
  'src/uuid.ts': "const lockToken = 'urn:uuid:a515cfa4-5da4-22e1-f5b5-00a0451e6bf7';\n",
  'src/pattern.ts': "const TOKEN_STRINGS = '[A-Za-z0-9._~+/-]+=*';\n",
  'src/public.pem.ts': `export const key = \`${BEGIN}PUBLIC KEY-----\n${noise(64)}\n-----END PUBLIC KEY-----\`;\n`,
  'src/hash.json': `{ "integrity": "sha512-${noise(86)}==", "sha256": "${hex(64)}" }\n`,
  'deploy/values.yaml': 'password: "{{ .Values.password }}"\nsecretName: shop-credentials\n',
  'src/empty.py': "password = ''\napi_key = None\n",
};
