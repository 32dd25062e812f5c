/** report.html: the results panel and its data in one self-contained file. */
import { createHash } from 'node:crypto';
import { embedJson } from '../../text/embed-json.ts';
import { visible } from '../../text/foreign-text.ts';
import type { WholePanel } from '../../protocol/panel.ts';

export interface ReportParts {
  /** The panel's bundle, as built. */
  script: string;
  style: string;
  message: WholePanel;
  /** The time that the report treats as now. */
  writtenAt: Date;
}

const hash = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

/** The bundle, safe inside script tags; it contains markup only inside strings and patterns. */
export function embedScript(script: string): string {
  return script
    .replace(/\n?\/\/# sourceMappingURL=\S*\s*$/, '\n')
    .replaceAll(/<(?=!--|\/?script)/gi, '\\x3C');
}

export function embedStyle(style: string): string {
  return style.replace(/\n?\/\*# sourceMappingURL=.*?\*\/\s*$/, '\n').replaceAll(/<(?=\/style)/gi, '\\3c ');
}

const escapeHtml = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

/** The whole page. Its content security policy allows only the script and style hashed here, and no network access. */
export function reportHtml({ script, style, message, writtenAt }: ReportParts): string {
  const code = embedScript(script);
  const css = embedStyle(style);
  const policy = `default-src 'none'; script-src ${hash(code)}; style-src ${hash(css)}; base-uri 'none'; form-action 'none'`;
  const names = message.runs.map(({ spec }) => spec.name).join(', ');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(visible(`Forget-Me-Not: ${names}`))}</title>
<style>${css}</style>
</head>
<body>
<div id="app"></div>
<noscript>This report draws its charts with JavaScript.</noscript>
<script type="application/json" id="snapshot" data-written-at="${writtenAt.toISOString()}">${embedJson(message)}</script>
<script>${code}</script>
</body>
</html>
`;
}
