import { createHash } from 'node:crypto';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { embedScript, reportHtml } from '../../../src/cli/report/html.ts';
import { embedJson } from '../../../src/text/embed-json.ts';
import { makeRun } from './fixtures.ts';

const hostile = '</script><script>alert(1)</script><!--<script>\u2028 & "quotes" </style>';

describe('what a report embeds', () => {
  it('keeps JSON unchanged and harmless', () => {
    const text = embedJson({ hostile });
    expect(text).not.toContain('<');
    expect(text).not.toContain('\u2028');
    expect(JSON.parse(text)).toEqual({ hostile });
  });
  it('keeps a script unchanged and unable to end its element', () => {
    const script = `result = ['<!-- x -->', \`</script>\`, '<SCRIPT>', /<script/.test('<script'), 1 < 2];\n//# sourceMappingURL=main.js.map\n`;
    const embedded = embedScript(script);
    expect(embedded).not.toMatch(/<!--|<\/?script|sourceMappingURL/i);
    const before: { result?: unknown } = {};
    const after: { result?: unknown } = {};
    runInNewContext(script, before);
    runInNewContext(embedded, after);
    expect(after).toEqual(before);
  });
  it('allows only what it hashed to run', () => {
    const run = makeRun({ name: hostile });
    const html = reportHtml({
      script: 'start()',
      style: 'a{}',
      message: { type: 'runs', runs: [run], sweeps: [] },
      writtenAt: new Date(0),
    });
    const policy = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(html)![1]!;
    const digest = (text: string) => createHash('sha256').update(text).digest('base64');
    expect(policy).toContain(`script-src 'sha256-${digest('start()')}'`);
    expect(policy).toContain(`style-src 'sha256-${digest('a{}')}'`);
    expect(policy).not.toContain('unsafe');
    expect(html.match(/<\/script>/g)).toHaveLength(2);
  });
});
