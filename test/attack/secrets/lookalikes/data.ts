/** Data in text that only looks random, and addresses without a password. */
import type { Draw } from '../draw.ts';
import {
  code,
  c,
  csharp,
  everything,
  go,
  hcl,
  java,
  javascript,
  json,
  markdown,
  notebook,
  python,
  rust,
  shell,
  toml,
  typescript,
  xml,
  yaml,
} from '../languages/index.ts';
import { shaped, assigned, kindsOf, whole } from '../model.ts';
import { base64Of, host } from '../values.ts';

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
