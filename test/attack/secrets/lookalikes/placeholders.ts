/** Values that tell a person to put a secret there. */
import { fill, type Draw } from '../draw.ts';
import {
  everything,
  javascript,
  markdown,
  notebook,
  python,
  sql,
  typescript,
  yaml,
} from '../languages/index.ts';
import { shaped, assigned, kindsOf, whole } from '../model.ts';
import { SECRET_NAMES } from './references.ts';

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
        `\`\`\`sh\ncurl -u user:password https://api.example.com\ncurl -H "Authorization: Bearer ${'YOUR'}_TOKEN" https://api.example.com\n\`\`\``,
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
