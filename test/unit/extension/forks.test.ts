/** What VSCodium, Cursor and Windsurf require of the extension, and what Remote-SSH, WSL and Dev Containers do. */
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
 * The VS Code version each fork is based on, with source and date. Update them when `engines.vscode` has to rise; the
 * oldest one decides.
 */
const bases = {
  // From its winget package, 1.116.02821, of 2026-04-27.
  VSCodium: '1.116.0',
  // `vscodeVersion` in product.json of 3.23.12, of 2026-10-01.
  Cursor: '1.128.0',
  // Reported by a user of the extension on 2026-03-31. The release before, of 2026-02-24: 1.107.0.
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

  it('are type-checked for: the API is that of the oldest version, without proposals', () => {
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

  it('have every command that is executed', () => {
    const called = sources.flatMap((source) =>
      [...source.text.matchAll(/executeCommand\(\s*'([\w.]+)'/g)].map(([, name]) => name!),
    );
    const linked = ['en', ...translations].flatMap((language) =>
      Object.values(textsIn(language as 'en')).flatMap((text) =>
        [...text.matchAll(/\(command:([\w.]+)/g)].map(([, name]) => name!),
      ),
    );
    const others = [...new Set([...called, ...linked])].filter((name) => !name.startsWith('forgetMeNot.'));
    // All are in VS Code's open source and its built-in extensions.
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

  it('may lack the chat: only one file checks whether it exists', () => {
    const asking = sources.filter(({ text }) => /\bvscode\.(lm|chat|ai)\b|\blm\?/.test(text));
    expect(asking.map(({ fileName }) => fileName)).toEqual(['src/extension/chat/chat-api.ts']);
    // Called only if it exists.
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

/** As in Open VSX's ExtensionValidator.java and ExtensionService.java; the files themselves: package.test.ts. */
describe('Open VSX', () => {
  it('accepts names, texts and licence', () => {
    for (const name of [manifest.publisher, manifest.name]) expect(name).toMatch(/^[\w\-+$~]{1,255}$/);
    expect(manifest.displayName.length).toBeLessThanOrEqual(255);
    expect(manifest.license).toBe('Apache-2.0');
    expect(manifest.icon).toMatch(/\.png$/);
    for (const language of ['en', ...translations] as const) {
      const { description } = manifestIn<Manifest>(language);
      expect(description.length).toBeLessThanOrEqual(2048);
      // Control characters and the like are rejected.
      expect(description).not.toMatch(/[\p{Cc}\p{Cf}\p{Cn}\p{Co}\p{Zl}\p{Zp}]/u);
    }
  });
});

describe('if the files are on another machine', () => {
  it('the extension runs on it, too', () => expect(manifest.extensionKind).toEqual(['workspace']));

  const panel = sources.filter(({ fileName }) => fileName.startsWith('webview'));
  it('the panel makes no requests itself, and its files come through the editor', () => {
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

  it("only existing files are opened on the user's own machine", () => {
    // Terminals, documents, dialogs and webviews belong to the remote machine; these do not.
    const ofClient = /\b(openExternal|asExternalUri|revealFileInOS)\b/;
    const using = sources.filter(({ text }) => ofClient.test(text)).map(({ fileName }) => fileName);
    expect(using).toEqual(['src/extension/reveal.ts']);
  });
});
