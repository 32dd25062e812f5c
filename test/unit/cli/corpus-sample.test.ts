import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { corpusCommand } from '../../../src/cli/commands/fine-tune/corpus.ts';
import { HubServer } from '../../support/hub-server.ts';
import { noise } from '../../support/planted-secrets.ts';
import { until } from '../../support/until.ts';
import { code, useTemporaryFolder } from '../corpus/help.ts';

const folder = useTemporaryFolder();

it('shows no secret in a sample, not even from an excluded row', async () => {
  folder.write({ 'a.txt': '' });
  const secret = noise(16);
  const rows = [`password = "${secret}"\n`, 'def add(a, b):\n    return a + b\n'];
  const file = join(folder.in(), 'rows.jsonl');
  writeFileSync(file, rows.map((text) => `${JSON.stringify({ text })}\n`).join(''));
  const printed = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  await corpusCommand().parseAsync(['--data', file, '--sample', '2'], { from: 'user' });
  const text = printed.mock.calls.join('');
  printed.mockRestore();
  expect(text).toContain('return a + b');
  expect(text).not.toContain(secret);
});

/** The data set team/lines, on a hub that counts its downloads; nothing is printed. */
async function useHub() {
  const rows = Array.from({ length: 30 }, (_, n) => `${JSON.stringify({ text: code(n) })}\n`).join('');
  const hub = await HubServer.start({
    'datasets/team/lines': { 'train.jsonl': { content: Buffer.from(rows) } },
  });
  vi.stubEnv('FORGET_ME_NOT_HOME', join(folder.in(), '..', 'home'));
  vi.stubEnv('HF_ENDPOINT', hub.url);
  vi.stubEnv('HF_TOKEN', '');
  vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  onTestFinished(async () => {
    vi.restoreAllMocks();
    vi.unstubAllEnvs();
    await hub.stop();
  });
  return { hub, downloads: () => hub.requests.filter(({ host }) => host === 'storage').length };
}
const readLines = () => corpusCommand().parseAsync(['--data', 'team/lines'], { from: 'user' });

it('says how much it downloads before it does', async () => {
  const { downloads } = await useHub();
  const before: number[] = [];
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    if (String(text).includes('team/lines:train.jsonl: downloads 0 MB.')) before.push(downloads());
    return true;
  });
  await readLines();
  expect(before).toEqual([0]);
  expect(downloads()).toBe(1);
});

it('ends a download at Ctrl+C', async () => {
  const { hub, downloads } = await useHub();
  vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  hub.stallAfter.push(100);
  const others = process.listeners('SIGINT');
  const reading = readLines();
  await until('the download', () => downloads() > 0);
  for (const listener of process.listeners('SIGINT')) if (!others.includes(listener)) listener('SIGINT');
  await expect(reading).rejects.toMatchObject({ code: 'cancelled' });
});
