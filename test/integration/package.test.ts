/** The contents of the .vsix: its links, translations, licences and bundles. */
import { readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { text as textOf } from 'node:stream/consumers';
import { beforeAll, expect, it } from 'vitest';
import { openPromise } from 'yauzl';
import { packageExtension } from '../../scripts/package.mjs';
import { bundleIn, textsIn, translations } from '../support/manifest.ts';

const files = new Set<string>();
const texts = new Map<string, string>();

beforeAll(async () => {
  const zip = await openPromise(await packageExtension({ quiet: true }));
  for await (const entry of zip.eachEntry()) {
    const name = entry.fileName.replace(/^extension\//, '');
    files.add(name);
    if (/\.(md|txt|js|mjs|cjs|css|json)$/i.test(name))
      texts.set(name, await textOf(await zip.openReadStreamPromise(entry)));
  }
}, 600_000);

/** vsce lower-cases the names of files that the marketplace shows. */
const page = (name: string) => texts.get(name) ?? texts.get(name.toLowerCase())!;

/** Links and pictures of a page that are not in the web. */
const localTargets = (markdown: string) =>
  [...markdown.matchAll(/\]\(([^)\s]+)[^)]*\)|(?:src|href)="([^"]+)"/g)]
    .map(([, link, attribute]) => link ?? attribute!)
    .filter((target) => !/^(https?:|#)/.test(target));

it.each(['README.md', 'CHANGELOG.md'])('has no links into the repository in %s', (name) => {
  expect(page(name).length).toBeGreaterThan(500);
  expect(localTargets(page(name))).toEqual([]);
});

it('takes such links out of the changelog, which has some', () =>
  expect(localTargets(readFileSync('CHANGELOG.md', 'utf8'))).not.toEqual([]));

it("contains none of llama.cpp's GPU builds, which are downloaded on demand", () => {
  const builds = [...files].flatMap(
    (name) => /^node_modules\/@node-llama-cpp\/([^/]+)\//.exec(name)?.[1] ?? [],
  );
  expect(new Set(builds).size).toBe(1);
  expect(builds.filter((name) => /vulkan|cuda/.test(name))).toEqual([]);
});

it('contains the texts of package.json in each language, and the pages that they name', () => {
  for (const language of ['en', ...translations] as const) {
    const name = `package.nls${language === 'en' ? '' : `.${language}`}.json`;
    expect(JSON.parse(texts.get(name)!)).toEqual(textsIn(language));
    const pages = Object.values(textsIn(language)).filter((text) => text.startsWith('media/'));
    expect(pages.filter((path) => !files.has(path))).toEqual([]);
  }
});

it("contains the extension's texts in each language", () => {
  const { l10n } = JSON.parse(texts.get('package.json')!) as { l10n: string };
  for (const language of translations) {
    const name = posix.join(l10n, `bundle.l10n.${language}.json`);
    expect(JSON.parse(texts.get(name)!)).toEqual(bundleIn(language));
  }
});

it('lists every package that it contains, with the text of its licence', () => {
  const notices = texts.get('THIRD-PARTY-NOTICES.txt')!;
  const [list = '', ...parts] = notices.split(`${'='.repeat(80)}\n`);
  const listed = [...list.matchAll(/^- (.+): (.+)$/gm)].map(([, name, licence]) => `${name} (${licence})`);
  const heads = parts.filter((_, at) => at % 2 === 0).map((part) => part.trim());
  expect(heads).toEqual(listed);
  for (const body of parts.filter((_, at) => at % 2 === 1)) expect(body.trim().length).toBeGreaterThan(400);

  const names = new Set(listed.map((one) => one.replace(/ \S+ \(.*$/, '')));
  // esbuild writes the path of each module into the bundle.
  const bundled = [...texts]
    .filter(([name]) => /^dist\/[^/]+\.mjs$/.test(name))
    .flatMap(([, code]) => [...code.matchAll(/^\s*\/\/ .*node_modules\/((?:@[^/\s]+\/)?[^/\s]+)\//gm)])
    .map(([, name]) => name!);
  const shipped = [...files].flatMap(
    (name) => /node_modules\/((?:@[^/]+\/)?[^/]+)\/package\.json$/.exec(name)?.[1] ?? [],
  );
  expect(new Set(bundled).size).toBeGreaterThan(20);
  expect(shipped).toContain('pyodide');
  // In the bundles of extension and panel, which are minified.
  const others = ['chart.js', '@vscode/webview-ui-toolkit', '@microsoft/fast-element', 'svgcanvas'];
  expect([...new Set([...bundled, ...shipped, ...others])].filter((name) => !names.has(name))).toEqual([]);
  for (const part of ['llama.cpp', 'CPython', 'Emscripten']) expect(notices).toContain(part);
});

it('contains no source maps, and no references to one', () => {
  expect([...files].filter((name) => name.endsWith('.map'))).toEqual([]);
  const pointing = [...texts].filter(([, code]) => /^(\/\/|\/\*)# sourceMappingURL=(?!data:)/m.test(code));
  expect(pointing.map(([name]) => name)).toEqual([]);
});
