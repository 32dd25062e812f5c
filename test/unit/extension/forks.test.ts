/** What VSCodium, Cursor and Windsurf need of the extension, and what Remote-SSH, WSL and Dev Containers do. */
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { nodesIn, sources } from '../../support/messages.ts';
import { manifestIn, textsIn, translations } from '../../support/manifest.ts';

interface Manifest {
  engines: { vscode: string };
  enabledApiProposals?: string[];
  extensionDependencies?: string[];
  extensionKind: string[];
  publisher: string;
  name: string;
  displayName: string;
  description: string;
  license: string;
  icon: string;
  categories: string[];
}
const manifest = manifestIn<Manifest>('en');

/**
 * The version of VS Code that each fork is based on, where and when that was seen last. Raise them when
 * `engines.vscode` has to rise; the oldest one is what counts.
 */
const bases = {
  // Its package for winget, 1.116.02821, of 2026-04-27.
  VSCodium: '1.116.0',
  // `vscodeVersion` in product.json of 3.23.12, of 2026-10-01.
  Cursor: '1.128.0',
  // Seen by an extension's user on 2026-03-31. Of 2026-02-24, the one before: 1.107.0.
  Windsurf: '1.108.0',
};
const numbersOf = (version: string) => version.split('.').map(Number) as [number, number, number];
const isUpTo = (version: string, other: string) => {
  const [[major, minor, patch], [theirs, theirMinor, theirPatch]] = [numbersOf(version), numbersOf(other)];
  return major === theirs && (minor < theirMinor || (minor === theirMinor && patch <= theirPatch));
};

describe('forks of VS Code', () => {
  const { vscode: range } = manifest.engines;
  const wanted = range.replace('^', '');

  it.each(Object.entries(bases))('%s, based on %s, is new enough', (_, base) => {
    expect(range).toMatch(/^\^1\.\d+\.\d+$/);
    expect(isUpTo(wanted, base)).toBe(true);
  });

  it('are typechecked for: the API is that of the oldest version, and no proposals', () => {
    const types = createRequire(import.meta.url)('@types/vscode/package.json') as { version: string };
    expect(types.version).toBe(wanted);
    expect(manifest.enabledApiProposals).toBeUndefined();
    // A fork's store may lack them.
    expect(manifest.extensionDependencies).toBeUndefined();
    const declared = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((name) =>
      /vscode\.(proposed\.)?.*d\.ts$/.test(name),
    );
    expect(declared).toEqual([]);
  });

  it('have every command that is called', () => {
    const called = sources.flatMap((source) =>
      [...source.text.matchAll(/executeCommand\(\s*'([\w.]+)'/g)].map(([, name]) => name!),
    );
    const linked = ['en', ...translations].flatMap((language) =>
      Object.values(textsIn(language as 'en')).flatMap((text) =>
        [...text.matchAll(/\(command:([\w.]+)/g)].map(([, name]) => name!),
      ),
    );
    const others = [...new Set([...called, ...linked])].filter((name) => !name.startsWith('forgetMeNot.'));
    // All of them are in VS Code's open source and its built-in extensions.
    expect(others.sort()).toEqual([
      'editor.action.inlineSuggest.hide',
      'editor.action.inlineSuggest.trigger',
      'markdown.showPreview',
      'revealFileInOS',
      'runCommands',
      'setContext',
      'tab',
      'vscode.openFolder',
      'workbench.action.openSettings',
      'workbench.action.openWalkthrough',
      'workbench.action.quickOpen',
      'workbench.trust.manage',
    ]);
  });

  it('may lack the chat: one file asks whether it is there', () => {
    const asking = sources.filter(({ text }) => /\bvscode\.(lm|chat|ai)\b|\blm\?/.test(text));
    expect(asking.map(({ fileName }) => fileName)).toEqual(['src/extension/chat/chat-api.ts']);
    // Called only where it exists.
    expect(asking[0]!.text).toContain('api?.registerLanguageModelChatProvider?.(');
  });

  it('have links of their own: no address names VS Code or its store', () => {
    // In a fork it is cursor://, vscodium:// and so on: vscode.env.uriScheme.
    const scheme = /\bvscode(-insiders|-remote|-webview|-resource|-file|-local|-userdata)?:/;
    const store = /marketplace\.visualstudio\.com|vscode:extension/;
    for (const source of sources) expect(source.text, source.fileName).not.toMatch(scheme);
    const shown = [
      'package.json',
      'README.md',
      'CHANGELOG.md',
      'media/package/README.md',
      ...readdirSync('.').filter((name) => /^package\.nls\..*json$/.test(name)),
      ...readdirSync('media/walkthrough').map((name) => join('media/walkthrough', name)),
    ];
    for (const path of shown) expect(readFileSync(path, 'utf8'), path).not.toMatch(store);
  });
});

/** As in ExtensionValidator.java and ExtensionService.java of Open VSX; the files themselves: package.test.ts. */
describe('Open VSX', () => {
  it('takes names, texts and licence', () => {
    for (const name of [manifest.publisher, manifest.name]) expect(name).toMatch(/^[\w\-+$~]{1,255}$/);
    expect(manifest.displayName.length).toBeLessThanOrEqual(255);
    expect(manifest.license).toBe('Apache-2.0');
    expect(manifest.icon).toMatch(/\.png$/);
    for (const language of ['en', ...translations] as const) {
      const { description } = manifestIn<Manifest>(language);
      expect(description.length).toBeLessThanOrEqual(2048);
      // Controls and the like are refused.
      expect(description).not.toMatch(/[\p{Cc}\p{Cf}\p{Cn}\p{Co}\p{Zl}\p{Zp}]/u);
    }
  });
});

describe('where the files are on another machine', () => {
  it('the extension runs beside them', () => expect(manifest.extensionKind).toEqual(['workspace']));

  const panel = sources.filter(({ fileName }) => fileName.startsWith('webview'));
  it('the panel asks for nothing by itself, and its files come through the editor', () => {
    const asking = panel.flatMap((source) =>
      [...nodesIn(source)].filter(
        (node) =>
          ts.isIdentifier(node) &&
          ['fetch', 'WebSocket', 'XMLHttpRequest', 'EventSource'].includes(node.text),
      ),
    );
    expect(asking.map((node) => node.getSourceFile().fileName)).toEqual([]);
    const page = readFileSync('src/extension/panel/page.ts', 'utf8');
    expect(page).toContain("default-src 'none'");
    expect(page).not.toContain('connect-src');
    const addresses = /\b(localhost|127\.0\.0\.1|0\.0\.0\.0|file:\/\/|https?:\/\/(?!www\.w3\.org))/;
    for (const source of sources)
      expect(source.text.replace(/\/\*[^]*?\*\/|\/\/ .*$/gm, ''), source.fileName).not.toMatch(addresses);
  });

  it("what is opened on the person's own machine is only what is there", () => {
    // A terminal, documents, dialogs and webviews are of the remote machine; these are not.
    const ofClient = /\b(openExternal|asExternalUri|revealFileInOS)\b/;
    const using = sources.filter(({ text }) => ofClient.test(text)).map(({ fileName }) => fileName);
    expect(using).toEqual(['src/extension/reveal.ts']);
  });
});
