import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { indexFile } from '../../../src/repository/store.ts';
import { askedAt, openFolder } from './help.ts';

let work: string;
let folder: string;
const home = process.env['FORGET_ME_NOT_HOME'];
beforeEach(() => {
  work = mkdtempSync(join(tmpdir(), 'fmn-index-'));
  folder = join(work, 'shop');
  process.env['FORGET_ME_NOT_HOME'] = join(work, 'home');
  write(
    'src/tax.ts',
    'export function taxOf(price: number, country: string): number {\n  return price * 0.2;\n}\n',
  );
  write('src/cart.ts', "import { taxOf } from './tax';\n\nexport const total = 1;\n");
});
afterEach(() => {
  if (home === undefined) delete process.env['FORGET_ME_NOT_HOME'];
  else process.env['FORGET_ME_NOT_HOME'] = home;
  rmSync(work, { recursive: true });
});

function write(path: string, text: string): string {
  const file = join(folder, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
}
const question = (name: string) =>
  askedAt('src/new.ts', `const value = ${name}(`, { sources: ['definitions'] });
const signature = 'export function taxOf(price: number, country: string): number {';

describe('the index of a folder', () => {
  it("has a name's definition, from the current file", async () => {
    const index = await openFolder(folder);
    expect(await index.scan()).toMatchObject({ files: 2, read: 2 });
    const [part] = index.parts(question('taxOf'));
    expect(part).toMatchObject({ filename: 'src/tax.ts', sources: ['definitions'] });
    expect(part!.text).toContain(signature);
  });

  it('leaves out git-ignored, installed and large files', async () => {
    write('.gitignore', 'generated\n');
    write('.git/HEAD', '');
    write('generated/tax.ts', 'export function taxOf() {}\n');
    write('node_modules/tax/index.ts', 'export function taxOf() {}\n');
    write('src/large.ts', 'export const line = 1;\n'.repeat(1_000_000));
    write('src/minified.js', `const all = [${'1,'.repeat(9000)}];\n`);
    const index = await openFolder(folder);
    await index.scan();
    expect([...index.index.files.keys()].sort()).toEqual(['src/cart.ts', 'src/tax.ts']);
  });

  it('follows changes, removals, new folders and a .gitignore', async () => {
    const index = await openFolder(folder);
    await index.scan();
    const changed = write('src/tax.ts', 'export function dutyOf(price: number): number {\n  return 0;\n}\n');
    await index.changed([changed]);
    expect(index.parts(question('taxOf'))).toEqual([]);
    expect(index.parts(question('dutyOf'))[0]?.filename).toBe('src/tax.ts');
    write('other/deep/levy.ts', 'export function levyOf(price: number): number {\n  return 0;\n}\n');
    await index.changed([join(folder, 'other')]);
    expect(index.parts(question('levyOf'))[0]?.filename).toBe('other/deep/levy.ts');
    renameSync(join(folder, 'other'), join(folder, 'moved'));
    await index.changed([join(folder, 'other'), join(folder, 'moved')]);
    expect(index.parts(question('levyOf')).map(({ filename }) => filename)).toEqual(['moved/deep/levy.ts']);
    write('.git/HEAD', '');
    await index.changed([write('.gitignore', 'moved\n')]);
    expect(index.parts(question('levyOf'))).toEqual([]);
    await index.changed([write('moved/more.ts', 'export function moreOf() {\n  return 0;\n}\n')]);
    expect(index.parts(question('moreOf'))).toEqual([]);
  });

  it.skipIf(process.platform === 'win32' || process.getuid?.() === 0)(
    'takes in the other changes if a new folder can not be read',
    async () => {
      const problems: string[] = [];
      const index = await openFolder(folder, problems);
      await index.scan();
      const levy = 'export function levyOf(price: number): number {\n  return 0;\n}\n';
      const locked = dirname(write('locked/levy.ts', levy));
      chmodSync(locked, 0);
      await index.changed([locked, write('src/levy.ts', levy)]);
      chmodSync(locked, 0o700);
      expect(index.parts(question('levyOf')).map(({ filename }) => filename)).toEqual(['src/levy.ts']);
      expect(problems).toEqual([expect.stringMatching(/^locked is not in the index: /)]);
    },
  );

  it('prefers unsaved text to the file on disk, until the document is closed', async () => {
    const index = await openFolder(folder);
    await index.scan();
    const file = join(folder, 'src/tax.ts');
    await index.document(file, 'export function dutyOf(price: number): number {\r\n  return 0;\r\n}\r\n');
    expect(index.parts(question('dutyOf'))[0]?.text).toContain('dutyOf(price: number)');
    await index.document(file, undefined);
    expect(index.parts(question('dutyOf'))).toEqual([]);
    expect(index.parts(question('taxOf'))[0]?.text).toContain(signature);
  });

  it('returns no lines of a file that has changed since, and reads it again', async () => {
    const index = await openFolder(folder);
    await index.scan();
    write('src/tax.ts', `// A new line.\n\n${readFileSync(join(folder, 'src/tax.ts'), 'utf8')}`);
    expect(index.parts(question('taxOf'))).toEqual([]);
    await index.changed([]);
    expect(index.parts(question('taxOf'))[0]?.text).toContain(signature);
  });
});

describe('leaves out', () => {
  it('edits of files that git ignores, or that are not code', async () => {
    write('.gitignore', 'secret.ts\n');
    write('.git/HEAD', '');
    const index = await openFolder(folder);
    await index.scan();
    const ignored = write('secret.ts', 'export const key = 1;\n');
    await index.document(ignored, 'export const key = 2;\n');
    const edits = ['src/tax.ts', 'secret.ts', '.env'].map((path) => ({ path, text: `edited in ${path}\n` }));
    const parts = index.parts(askedAt('src/new.ts', 'const value = ', { sources: ['edits'], edits }));
    expect(parts.map(({ filename }) => filename)).toEqual(['src/tax.ts']);
  });

  it('files beyond the maximum of an index, which is reported once', async () => {
    const problems: string[] = [];
    for (const name of ['a', 'b', 'c']) write(`src/${name}.ts`, `export const ${name} = 1;\n`);
    const index = await openFolder(folder, problems, { mostFiles: 3 });
    expect(await index.scan()).toMatchObject({ files: 3, read: 3 });
    await index.changed([write('src/d.ts', 'export const d = 1;\n')]);
    expect(index.index.size).toBe(3);
    expect(problems).toHaveLength(1);
    // A file that is already indexed is still followed.
    await index.changed([write('src/a.ts', 'export function again() {\n  return 0;\n}\n')]);
    expect(index.parts(question('again'))[0]?.filename).toBe('src/a.ts');
  });
});

describe('the index on disk', () => {
  it('saves the next window from reading all but the changed files', async () => {
    await (await openFolder(folder)).scan();
    write('src/third.ts', 'export const third = 3;\n');
    const next = await openFolder(folder);
    expect(await next.scan()).toMatchObject({ files: 3, read: 1 });
    expect(next.parts(question('taxOf'))[0]?.text).toContain(signature);
  });

  it('is used even if unsaved text arrived first', async () => {
    await (await openFolder(folder)).scan();
    const next = await openFolder(folder);
    await next.document(join(folder, 'src/cart.ts'), 'export const unsaved = 1;\n');
    expect(await next.scan()).toMatchObject({ files: 2, read: 0 });
    await next.close();
    expect(await (await openFolder(folder)).scan()).toMatchObject({ files: 2 });
  });

  it('has what was read if the window closed early, and no less than before', async () => {
    const stop = new AbortController();
    const first = await openFolder(folder, [], { signal: stop.signal });
    const scan = first.scan();
    scan.catch(() => undefined);
    while (first.index.size === 0) await new Promise((resolve) => setImmediate(resolve));
    stop.abort();
    await first.close();
    await scan.catch(() => undefined);
    const next = await openFolder(folder);
    expect((await next.scan()).read).toBeLessThan(2);
    const last = await openFolder(folder);
    await last.changed([write('src/third.ts', 'export const third = 3;\n')]);
    await last.close();
    expect(await (await openFolder(folder)).scan()).toMatchObject({ files: 3, read: 1 });
  });

  it.each([
    ['cut', (bytes: Buffer) => bytes.subarray(0, bytes.length / 2)],
    ['with a wrong byte', (bytes: Buffer) => (bytes.writeUInt8(bytes.at(-3)! ^ 1, bytes.length - 3), bytes)],
    ['empty', () => Buffer.alloc(0)],
    ['something else', () => Buffer.from('{"version":1}\n')],
  ])('is rebuilt if it is damaged: %s', async (_, damage) => {
    await (await openFolder(folder)).scan();
    const file = indexFile(folder);
    writeFileSync(file, damage(readFileSync(file)));
    const problems: string[] = [];
    const index = await openFolder(folder, problems);
    expect(await index.scan()).toMatchObject({ files: 2, read: 2 });
    expect(index.parts(question('taxOf'))[0]?.text).toContain(signature);
    expect(problems).toEqual([]);
    expect(await (await openFolder(folder)).scan()).toMatchObject({ read: 0 });
  });

  it('leaves no temporary files', async () => {
    await (await openFolder(folder)).scan();
    expect(readdirSync(dirname(indexFile(folder)))).toEqual([indexFile(folder).split('/').at(-1)]);
  });
});
