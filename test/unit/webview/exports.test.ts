import { describe, expect, it } from 'vitest';
import { runFacts } from '../../../webview/view-model/facts.ts';
import { runLabels } from '../../../webview/view-model/labels.ts';
import { seriesOf } from '../../../webview/view-model/series.ts';
import type { RunSnapshot } from '../../../src/protocol/panel.ts';
import { makeRun } from './fixtures.ts';

const check = { tokens: 96, meanKl: 0.0037, maxKl: 0.0185, limit: 0.01, change: 0.22, ok: true };
const exported = {
  time: '',
  to: 'gguf-adapter',
  step: 20,
  path: '/x/a.gguf',
  bytes: 1,
  sha256: 'ab',
  check,
} as const;
const factsOf = (run: RunSnapshot) => runFacts(run, seriesOf(run.events));

describe('the facts of a run', () => {
  it('list each export destination, with the newest check', () => {
    const failed = { ...check, meanKl: 0.3, ok: false };
    const run = {
      ...makeRun({}),
      exports: [{ ...exported, check: failed }, exported, { ...exported, path: '/x/b' }],
    };
    const notes = factsOf(run).filter(({ name }) => name === 'Exported');
    expect(notes).toHaveLength(2);
    expect(notes[0]).toEqual({
      name: 'Exported',
      value: 'GGUF adapter, step 20',
      note: '/x/a.gguf; llama.cpp agrees with the trainer: KL 0.0037 nats per token on average (limit 0.01), 0.0185 at most, over 96 tokens',
    });
  });

  it('state the source of an imported one, and nothing about its unknown training', () => {
    const run = makeRun({});
    const imported = { from: '/x/adapter', format: 'peft', base: 'owner/base' } as const;
    const names = factsOf({ ...run, spec: { ...run.spec, imported } });
    expect(names.find(({ name }) => name === 'Imported from')).toEqual({
      name: 'Imported from',
      value: '/x/adapter',
      note: 'trained on owner/base',
    });
    for (const unknown of ['Learning rate', 'Steps', 'Speed', 'Peak memory', 'Training and measuring took'])
      expect(names.map(({ name }) => name)).not.toContain(unknown);
    const other = { ...run, spec: { ...run.spec, id: 'other', imported } };
    expect(runLabels([run, other]).get('other')).toContain('imported');
  });
});
