import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { finishRun } from '../../../src/cli/processes/finish-run.ts';
import { createRun } from '../../../src/runs/index.ts';
import { newRun, startEvent, useTemporaryHome } from '../runs/help.ts';

useTemporaryHome();
afterEach(() => vi.restoreAllMocks());

it.each([true, false])(
  'prints a run that another process ended after its trainer (JSON: %s)',
  async (json) => {
    let printed = '';
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => ((printed += String(text)), true));
    const { dir } = await createRun(newRun());
    const start = { time: '2026-11-25T01:00:00Z', ...startEvent(0) };
    writeFileSync(join(dir, 'events.jsonl'), `${JSON.stringify(start)}\n`);
    writeFileSync(join(dir, 'state.json'), JSON.stringify({ status: 'done', step: 7, steps: 8 }));
    const trainer = {
      ...{ eventsBefore: 0, cluster: undefined, pid: undefined, ended: Promise.resolve() },
      exitError: () => undefined,
    };
    await finishRun(dir, trainer, { json });
    if (json)
      expect(JSON.parse(printed)).toMatchObject({ status: 'done', steps: 7, artefact: 'adapter.gguf' });
    else expect(printed).toContain(`Result: ${dir}/adapter.gguf`);
  },
);
