// `npm run vscode [-- FOLDER]`: a real VS Code in the browser with the extension, on a demo workspace or on FOLDER.
// VS Code comes from npm (code-server) and listens only on this machine. Ctrl+C stops it; trainings continue.
import { cpSync, existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startVsCode } from '../test/e2e/vscode.mjs';
import { packageExtension } from './package.mjs';
import { ensureCompiler } from './setup.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const keep = join(root, 'node_modules/.cache/forget-me-not-vscode');

/** A copy of a small real package, so that no files of the user are touched. */
function demoWorkspace() {
  const demo = join(tmpdir(), 'forget-me-not-demo', 'commander');
  if (!existsSync(demo)) cpSync(join(root, 'node_modules/commander'), demo, { recursive: true });
  return demo;
}

const asked = process.argv[2] && resolve(process.env.INIT_CWD ?? process.cwd(), process.argv[2]);
if (asked && !existsSync(asked)) {
  console.error(`The folder ${asked} does not exist. Give an existing one: npm run vscode -- FOLDER`);
  process.exit(1);
}
const port = Number(process.env.PORT ?? 0) || undefined;
const vsix = await packageExtension();
await ensureCompiler();
const settings = { 'workbench.welcomePage.walkthroughs.openOnInstall': true };
const vscode = await startVsCode({ vsix, settings, keep, port });
const url = vscode.url(asked ?? demoWorkspace());
console.log(
  `\nVS Code with Forget-Me-Not: ${url}\nIt opens on "Get Started"; later press F1 and type "Forget-Me-Not". Ctrl+C ends it.`,
);
let stopping = false;
for (const signal of ['SIGINT', 'SIGTERM'])
  process.once(signal, () => {
    stopping = true;
    void vscode.stop();
  });
await vscode.ended;
if (!stopping) console.error(`VS Code's server ended:\n${vscode.log().split('\n').slice(-20).join('\n')}`);
process.exitCode = stopping ? 0 : 1;
