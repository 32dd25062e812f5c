/** Asks for consent to downloads, naming what is downloaded and its size. Nothing is downloaded without it. */
import * as vscode from 'vscode';
import { z } from 'zod';
import { whileShown } from '../child-progress.ts';
import type { Context } from '../context.ts';
import type { Download } from './downloads.ts';
import { size } from '../texts.ts';

/** The parts that the user agreed to download; undefined when the user cancels. `purpose`: what needs them. */
export async function askConsent(
  missing: Download[],
  purpose = 'Fine-tuning',
): Promise<Download[] | undefined> {
  if (missing.length === 0) return [];
  const list = missing
    .map((part) => `${part.name}: ${part.bytes ? size(part.bytes) : 'size not known yet'}, from ${part.from}`)
    .join('\n');
  const total = missing.reduce((sum, part) => sum + part.bytes, 0);
  const download = 'Download';
  const without = 'Without TensorFlow';
  const needed = missing.filter((part) => part.needed);
  const optional = missing.length > needed.length;
  const answer = await vscode.window.showInformationMessage(
    `${purpose} needs a download${total ? ` of about ${size(total)}` : ''}.`,
    {
      modal: true,
      detail: `${list}\n\n${optional ? 'Without TensorFlow the same training takes about six times as long. ' : ''}Your code stays on this machine.`,
    },
    download,
    ...(optional && needed.length < missing.length ? [without] : []),
  );
  if (answer === download) return missing;
  return answer === without ? needed : undefined;
}

/** Downloads the parts, one after the other. False when the user cancelled. */
export async function install({ children }: Context, parts: Download[]): Promise<boolean> {
  for (const part of parts) {
    const done = await whileShown(`Downloading ${part.name}`, async (options) => {
      await children.ask(z.unknown(), part.command, options);
      return !options.signal?.aborted;
    });
    if (!done) return false;
  }
  return true;
}
