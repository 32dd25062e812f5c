/** The results panel's page. Independent of the editor, so that tests show the same page. */
import { embedJson } from '../../text/embed-json.ts';
import type { Bundle } from '../../text/l10n.ts';

export interface PageParts {
  nonce: string;
  /** Source that the page may load styles, fonts and images from. */
  source: string;
  style: string;
  script: string;
  title: string;
  /** The editor's language, and the translations for it if there are any. */
  language: string;
  texts: Bundle | undefined;
}

/** The page contains its translations, so that they are known before anything is drawn (webview/main.ts). */
export function pageHtml({ nonce, source, style, script, title, language, texts }: PageParts): string {
  const policy = [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    `style-src ${source}`,
    `font-src ${source}`,
    `img-src ${source}`,
  ].join('; ');
  const data = texts && embedJson(texts);
  return `<!doctype html>
<html lang="${language}">
<head>
  <meta charset="utf-8">
  <meta http-equiv="Content-Security-Policy" content="${policy}">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <link rel="stylesheet" href="${style}">
  <title>${title}</title>
</head>
<body>
  <div id="app"></div>
  ${data ? `<script type="application/json" id="texts">${data}</script>` : ''}
  <script nonce="${nonce}" src="${script}"></script>
</body>
</html>`;
}
